/**
 * What a peer can be asked to do: the use cases, as routes and commands see them. Every request
 * was checked at the edge; every refusal is a `UseCaseError` with a stable code.
 */
import type { Advice } from '../next-step.ts';
import type { MeetingFailure } from '../protocol/index.ts';
import type { HideReport, ProfileChoice } from '../stego/index.ts';
import type { RestoredCover } from './picture-ports.ts';
import type { Carrier, Contact, Reading, ReadingBucket } from './ports.ts';
import type { ToldTime } from './told-times.ts';

export { UseCaseError, type UseCaseFailure } from './use-case-error.ts';

export interface SendKeysRequest {
  /** A contact's name; may be left out with one contact. A new name needs `address`. */
  readonly to?: string;
  /** PROTOCOL §3.1; creates the contact or changes its address. */
  readonly address?: string;
  /** Meet anew by XX although the contact is pinned. */
  readonly again?: boolean;
  /** PROTOCOL §7, with or without `@address`. */
  readonly code?: string;
}

export interface Comparison {
  /** Six digits. */
  readonly code: string;
  /** 16 hex digits. */
  readonly keyCheck: string;
}

export interface SendKeysResult {
  readonly to: string;
  /** `waiting`: the other side's person has to act; `advice` says how. */
  readonly state: 'established' | 'waiting';
  readonly comparison?: Comparison;
  readonly verified: boolean;
  readonly advice: Advice;
}

export interface PairingCode {
  /** With `@address` of this peer. */
  readonly code: string;
  readonly expires: Date;
}

export interface VerifyRequest {
  readonly to?: string;
  readonly code: string;
  /** "They differ": deletes pin and sessions. */
  readonly differs?: boolean;
}

export interface SendMessageRequest {
  readonly to?: string;
  readonly content:
    | { readonly type: 'text'; readonly text: string }
    | {
        readonly type: 'file';
        readonly name: string;
        readonly mediaType: string;
        /** In any chunks, which belong to the messenger; with backpressure, never held whole. */
        readonly bytes: AsyncIterable<Uint8Array>;
      };
  /** Wait until the contact acknowledged, at most this long. */
  readonly wait_ms?: number;
}

export interface SendMessageResult {
  readonly to: string;
  /** `epoch-sequence`, both 16 hex digits. */
  readonly id: string;
  readonly trust: 'verified' | 'tofu';
  /** Whether the contact has acknowledged; only ever true with `wait_ms`. */
  readonly delivered: boolean;
}

export interface LetterResult {
  readonly to: string;
  readonly id: string;
  /** PROTOCOL §9: a bundle of LETTER packets. */
  readonly letter: Uint8Array;
}

export interface CoverRequest {
  /** A PNG file. */
  readonly cover: Uint8Array;
  /** Of the text that is to go into it, in bytes; for a file add its name and type. */
  readonly size?: number;
}

/** What a cover can do, before anything is hidden in it. */
export interface CoverForecast {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  /** How it would be hidden, docs/STEGO.md. */
  readonly profile: string;
  /** The longest text that it takes, in bytes; of a file, its name and type included. */
  readonly bytes: number;
  /** Whether it was hidden in before. */
  readonly used: boolean;
  /** These for `size`, if it fits. */
  readonly psnr_dB?: number;
  readonly bitsPerSample?: number;
  /** If it does not. */
  readonly pixelsNeeded?: number;
  /** For people: why another cover would be better. */
  readonly warnings: readonly string[];
}

export interface SendPictureRequest extends SendMessageRequest {
  /** Left out: the next of the covers folder that was never used. */
  readonly cover?: { readonly name?: string; readonly png: Uint8Array };
  /** One of the covers folder, by its file name; not together with `cover`. */
  readonly coverName?: string;
  /** The picture is answered, for a person to carry, and not sent. */
  readonly carry: boolean;
  /** Also a cover that was used before. */
  readonly force?: boolean;
  readonly profile?: ProfileChoice;
}

/** What hiding has done to the cover, measured. */
export interface PictureReport extends Omit<HideReport, 'droppedChunks' | 'largestStep'> {
  /** The cover's file name, if it has one. */
  readonly cover: string | undefined;
  /** Of the picture that was made, in bytes. */
  readonly size: number;
}

export interface SentPicture extends SendMessageResult {
  readonly picture: PictureReport;
  readonly png: Uint8Array;
}

export interface ReadPicture {
  readonly from: string;
  /** How many were new. */
  readonly messages: number;
  readonly cover: RestoredCover;
}

/** The covers that a person has put into the folder for them. */
export interface FolderCovers {
  /** Undefined: there is no folder. */
  readonly path: string | undefined;
  /** Of their files, in the order in which they would be used. */
  readonly names: readonly string[];
}

/** A cover that came back, as people see it. */
export interface ShownCover extends Omit<RestoredCover, 'contact' | 'message'> {
  readonly from: string;
  /** `epoch-sequence` of the message that it carried. */
  readonly message: string;
}

/** A message that a person asked to see. */
export interface OpenedMessage {
  readonly row: number;
  readonly id: string;
  readonly from: string;
  readonly verified: boolean;
  readonly carrier: Carrier;
  readonly at: Date;
  /** The cover that it came in, if it came in one that is still kept. */
  readonly cover?: number;
  readonly content:
    | { readonly type: 'text'; readonly text: string }
    | {
        readonly type: 'file';
        readonly name: string;
        readonly mediaType: string;
        readonly size: number;
      }
    | { readonly type: 'readings'; readonly count: number }
    | { readonly type: 'unknown'; readonly contentType: number }
    | {
        readonly type: 'notice';
        readonly about: string;
        readonly reason: 'too_large' | 'not_understood';
      };
}

/** Where an older page of a conversation goes on; opaque to who asks. */
export interface ConversationPlace {
  readonly received: number | undefined;
  readonly sent: number | undefined;
}

export interface ConversationQuery {
  /** A contact's name; left out: all of them. */
  readonly with?: string;
  readonly before?: ConversationPlace;
  readonly limit: number;
}

/** A message of a conversation, for people to look at. */
export interface TalkMessage {
  readonly direction: 'in' | 'out';
  readonly with: string;
  /** Of its own direction; grows. */
  readonly row: number;
  readonly id: string;
  readonly carrier: Carrier;
  readonly at: Date;
  /** Whether the contact was compared when this came; undefined for what we sent. */
  readonly verified: boolean | undefined;
  /** In bytes. */
  readonly size: number;
  /** In: sealed until opened. Out: waits here, is on its way, is on the contact's disk. */
  readonly state: 'sealed' | 'opened' | 'queued' | 'sent' | 'delivered';
  readonly isFile: boolean;
  /** Undefined while sealed. */
  readonly content: OpenedMessage['content'] | undefined;
  /** It is a text longer than 16 KiB, and this is its start. */
  readonly isCut: boolean;
  /** The restored cover that an opened one came in, if it is still kept. */
  readonly cover?: number;
  /** Of a large one under way. */
  readonly parts: { readonly done: number; readonly count: number } | undefined;
}

export interface Conversation {
  /** Newest first. */
  readonly messages: readonly TalkMessage[];
  /** For the next query; undefined: there is nothing older. */
  readonly before: ConversationPlace | undefined;
}

/** That something has changed, never what: whoever wants to know asks. */
export interface Happening {
  /** `contact`: how it stands with a contact, or who waits. The others say which list changed. */
  readonly kind: 'contact' | 'arrived' | 'queue' | 'opened' | 'readings' | 'hiding';
  /** By name; undefined: none, or several. */
  readonly contact: string | undefined;
  /** Of `hiding`: what share of the picture is done, 0 … 1. */
  readonly share?: number;
}

export interface MessageBytes {
  /** As the sender calls the file; undefined: it is none. */
  readonly name: string | undefined;
  readonly bytes: Iterable<Uint8Array>;
}

export type ContactState = 'new' | 'waiting' | 'paired' | 'forgotten_by_contact';

/** Of a device's health: what the line did to it, and what came with a wrong key. */
export type DeviceCounters = Readonly<Record<'line_errors' | 'tag_failures', number>>;

export interface ShownContact {
  readonly name: string;
  readonly address: string | undefined;
  readonly public_key: string | undefined;
  /** 2 × 30 digits, PROTOCOL §5.1. */
  readonly fingerprint: string | undefined;
  readonly verified: boolean;
  readonly state: ContactState;
  /** What a person can do next; empty if nothing. */
  readonly advice: Advice;
  /** Why the last meeting came to nothing, until one succeeds or a person tries anew. */
  readonly failure?: MeetingFailure;
  readonly comparison: Comparison | undefined;
  readonly session: 'none' | 'current' | 'to_be_renewed';
  readonly queued: { readonly messages: number; readonly items: number; readonly bytes: number };
  /** Pictures that wait to be acknowledged. */
  readonly pictures: { readonly count: number; readonly bytes: number };
  readonly arriving: readonly { readonly parts: number; readonly count: number }[];
  readonly unopened: number;
  readonly last_error: string | undefined;
  /** What a device last told of its own: noise on its line, packets with a wrong key. */
  readonly device?: DeviceCounters;
}

/** What a stranger may see of this peer. Keys are hex. */
export interface ShownSelf {
  readonly name: string;
  readonly public_key: string;
  readonly combined_key: string | undefined;
  readonly fingerprint: string;
  readonly address: string | undefined;
}

/** `GET /show`. Public facts only, never a secret. */
export interface Shown extends ShownSelf {
  readonly contacts: readonly ShownContact[];
  /** XX1 that wait for a trigger: hints only. */
  readonly waiting: readonly { readonly name: string; readonly address: string }[];
  /** By reason, PROTOCOL §4.2. */
  readonly refused: Readonly<Record<string, number>>;
  /** Hex of the newest few TRANSPORT and LETTER packets, for the curious: ciphertext. */
  readonly last_ciphertexts: readonly {
    readonly direction: 'in' | 'out';
    readonly packet: string;
  }[];
}

/** The device that a reading is of, by its contact's name. */
export type NamedReading = Omit<Reading, 'contact'> & { readonly device: string };
/** A device's clock, as it told it last. */
export type NamedTime = ToldTime & { readonly device: string };
export type NamedBucket = Omit<ReadingBucket, 'contact'> & { readonly device: string };

export interface SeriesRequest {
  readonly device?: string;
  readonly name?: string;
  readonly from: Date;
  readonly to: Date;
  /** Left out: each reading on its own. */
  readonly every_ms?: number;
  readonly limit: number;
}

export interface Messenger {
  sendKeys(request: SendKeysRequest): Promise<SendKeysResult>;
  createPairingCode(): PairingCode;
  verify(request: VerifyRequest): { readonly to: string; readonly verified: boolean };
  contacts(): readonly Contact[];
  removeContact(name: string): void;
  sendMessage(request: SendMessageRequest): Promise<SendMessageResult>;
  writeLetter(request: Omit<SendMessageRequest, 'wait_ms'>): Promise<LetterResult>;
  /** A letter file. Returns how many messages were new. @throws {UseCaseError} letter_… */
  readLetter(letter: Uint8Array): Promise<{ readonly from: string; readonly messages: number }>;
  /** @throws {UseCaseError} `cover_…`, `no_cover`, `queue_full`, `unsupported`, `busy` */
  sendPicture(request: SendPictureRequest): Promise<SentPicture>;
  /** By hand. @throws {UseCaseError} `picture_unreadable`, `letter_repeated`, `busy` */
  readPicture(png: Uint8Array): Promise<ReadPicture>;
  /** The peer side, PROTOCOL §9.1: returns before it was looked at. @throws {UseCaseError} `busy` */
  receivePicture(png: Uint8Array, source: string): void;
  /** Covers that came back, newest first. */
  restoredCovers(): readonly ShownCover[];
  /** @throws {StoreError} `missing` */
  restoredCover(id: number): {
    readonly cover: ShownCover;
    readonly png: Iterable<Uint8Array>;
  };
  folderCovers(): Promise<FolderCovers>;
  /** One of them, a PNG. @throws {UseCaseError} `no_cover` */
  folderCover(name: string): Promise<Uint8Array>;
  /** @throws {UseCaseError} `cover_unusable`, `busy` */
  forecastCover(request: CoverRequest): Promise<CoverForecast>;
  /**
   * The cover with as many random bytes hidden in it as a text of `size` would take sealed: nobody
   * can tell those apart. A PNG. Nothing is sent, and the cover stays unused.
   * @throws {UseCaseError} `cover_unusable`, `cover_too_small`, `busy`
   */
  previewCover(request: Required<CoverRequest>): Promise<Uint8Array>;
  /** Marks everything that has arrived whole as opened, prints it on the terminal, oldest first. */
  decryptMessages(query: { readonly from?: string }): readonly OpenedMessage[];
  /** @throws {UseCaseError} `unknown_contact` */
  conversation(query: ConversationQuery): Conversation;
  /** Opens one message, as `decryptMessages` does, or shows it again. @throws {UseCaseError} */
  openMessage(row: number): OpenedMessage;
  /** The bytes of a file message, or of a text; in slices of at most 64 KiB. */
  fileContent(row: number): MessageBytes;
  show(): Shown;
  showSelf(): ShownSelf;
  /** Calls back at once, often, and must not be kept waiting. Returns how to stop listening. */
  listen(listener: (happening: Happening) => void): () => void;
  /** The newest reading of each sensor, of this device or each. @throws {UseCaseError} `unknown_contact` */
  latestReadings(device?: string): readonly NamedReading[];
  /** Of every contact that has told its time since this peer was started. */
  deviceTimes(): readonly NamedTime[];
  /** @throws {UseCaseError} `unknown_contact` */
  readingSeries(request: SeriesRequest): readonly NamedBucket[];
  /** The peer side, PROTOCOL §3. @throws {RemoteProtocolError} `malformed` if framing is not exact. */
  receive(bundle: Uint8Array): Promise<Uint8Array>;
  /** Starts delivering what is queued. */
  start(): void;
  /** Finishes exchanges under way; nothing is lost. */
  stop(): Promise<void>;
}
