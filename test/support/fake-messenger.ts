/** A messenger that does nothing but remember what a route asked of it. */
import {
  type Messenger,
  type SendKeysResult,
  type Shown,
  type ShownCover,
  type ShownSelf,
  UseCaseError,
} from '../../src/messenger/index.ts';

const SHOWN_SELF: ShownSelf = {
  name: 'alice',
  public_key: 'aa',
  combined_key: undefined,
  fingerprint: '12345 67890',
  address: 'http://127.0.0.1:5000',
};

export const SHOWN: Shown = {
  ...SHOWN_SELF,
  contacts: [
    {
      name: 'bob',
      address: 'http://127.0.0.1:5001',
      public_key: 'bb',
      fingerprint: undefined,
      verified: false,
      state: 'paired',
      advice: {},
      comparison: { code: '012345', keyCheck: '0123456789abcdef' },
      session: 'current',
      queued: { messages: 3, items: 4, bytes: 500 },
      pictures: { count: 0, bytes: 0 },
      arriving: [],
      unopened: 2,
      last_error: undefined,
    },
  ],
  waiting: [],
  refused: { malformed: 7, stale: 0 },
  last_ciphertexts: [],
};

const WAITING: SendKeysResult = {
  to: 'bob',
  state: 'waiting',
  verified: false,
  advice: { next: { do: 'await_contact', to: 'bob' } },
};

/** For routes that are not about it. */
export const noBackup = (): never => {
  throw new Error('nobody asked for a backup');
};

export interface Asked {
  readonly name: string;
  readonly request: unknown;
}

type Talk = Pick<Messenger, 'fileContent' | 'conversation' | 'openMessage' | 'listen'>;

function talk(note: Note): Talk {
  return {
    fileContent: () => ({ name: undefined, bytes: [] }),
    conversation(query) {
      note('conversation', query);
      return { messages: [], before: undefined };
    },
    openMessage(row) {
      note('openMessage', row);
      throw new UseCaseError('no_message', 'GET /messages lists them');
    },
    listen: () => () => {},
  };
}

/** `overrides` replace single use cases; `asked` collects what the others were given. */
export function fakeMessenger(
  overrides: Partial<Messenger> = {},
): Messenger & { readonly asked: Asked[] } {
  const asked: Asked[] = [];
  const note: Note = (name, request) => void asked.push({ name, request });
  return {
    asked,
    async sendKeys(request) {
      note('sendKeys', request);
      return WAITING;
    },
    createPairingCode: () => ({ code: 'CODE', expires: new Date(0) }),
    verify(request) {
      note('verify', request);
      return { to: 'bob', verified: true };
    },
    contacts: () => [],
    removeContact: (name) => note('removeContact', name),
    async sendMessage({ content, ...rest }) {
      if (content.type === 'text') note('sendMessage', { ...rest, content });
      else {
        const { bytes, ...file } = content;
        note('sendMessage', { ...rest, content: { ...file, bytes: await collect(bytes) } });
      }
      return { to: 'bob', id: 'e-0', trust: 'tofu', delivered: false };
    },
    async writeLetter(request) {
      note('writeLetter', request);
      return { to: 'bob', id: 'e-1', letter: Uint8Array.of(0, 1, 9) };
    },
    async readLetter(letter) {
      note('readLetter', letter.length);
      return { from: 'bob', messages: 1 };
    },
    ...pictures(note),
    decryptMessages(query) {
      note('decryptMessages', query);
      return [];
    },
    ...talk(note),
    show: () => SHOWN,
    showSelf: () => SHOWN_SELF,
    latestReadings: () => [],
    deviceTimes: () => [],
    readingSeries(request) {
      note('readingSeries', request);
      return [];
    },
    async receive(bundle) {
      note('receive', bundle.length);
      return new Uint8Array();
    },
    start: () => {},
    stop: async () => {},
    ...overrides,
  };
}

type Note = (name: string, request: unknown) => void;

type Pictures =
  | 'forecastCover'
  | 'previewCover'
  | 'sendPicture'
  | 'readPicture'
  | 'receivePicture'
  | 'folderCovers'
  | 'folderCover'
  | 'restoredCovers'
  | 'restoredCover';

const ID = { epoch: 1n, sequence: 2n };
const REPORT = {
  profile: 'max' as const,
  width: 9,
  height: 8,
  depth: 8 as const,
  psnr_dB: 61.5,
  changedSamples: 5,
  bitsPerSample: 0.03,
  coverSha256: 'c0',
  warnings: ['0.030 bits a sample'],
  size: 2,
};
const COVER: ShownCover = {
  id: 3,
  from: 'bob',
  message: 'e-1',
  at: new Date(0),
  width: 9,
  height: 8,
  depth: 8,
  sha256: 'c0',
  psnr_dB: 60,
  size: 4,
};

function pictures(note: Note): Pick<Messenger, Pictures> {
  return {
    async sendPicture({ content, cover, ...rest }) {
      const bytes = content.type === 'file' ? await collect(content.bytes) : undefined;
      const sent = cover && { ...cover, png: cover.png.length };
      note('sendPicture', { ...rest, content: { ...content, bytes }, cover: sent });
      const png = Uint8Array.of(0x89, 0x50);
      const picture = { ...REPORT, cover: cover?.name };
      return { to: 'bob', id: 'e-2', trust: 'tofu', delivered: false, picture, png };
    },
    async readPicture(png) {
      note('readPicture', png.length);
      return { from: 'bob', messages: 1, cover: { ...COVER, contact: 1, message: ID } };
    },
    receivePicture: (png, source) => note('receivePicture', { png: png.length, source }),
    folderCovers: async () => ({ path: '/data/covers', names: ['a b.png'] }),
    async folderCover(name) {
      note('folderCover', name);
      return Uint8Array.of(5);
    },
    restoredCovers: () => [COVER],
    restoredCover: () => ({ cover: COVER, png: [Uint8Array.of(1, 2), Uint8Array.of(3, 4)] }),
    async previewCover({ cover, size }) {
      note('previewCover', { cover: cover.length, size });
      return Uint8Array.of(7);
    },
    async forecastCover({ cover, size }) {
      note('forecastCover', { cover: cover.length, size });
      return {
        width: 9,
        height: 8,
        depth: 8,
        profile: 'max',
        bytes: 7,
        used: false,
        pixelsNeeded: 99,
        warnings: [],
      };
    },
  };
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}
