/** Puts the machines, the store and the link together: the parts that the use cases share. */
import type { CryptoProvider, KeyPair, RandomBytes } from '../crypto/index.ts';
import {
  CAPABILITY,
  FRAME_SIZE_MAX,
  Meetings,
  Reunions,
  type Self,
  type SessionLimits,
  Sessions,
} from '../protocol/index.ts';
import { Announcer } from './announcer.ts';
import { Contacts } from './contacts.ts';
import { Covers, type CoversDeps } from './covers.ts';
import { Deliveries } from './deliveries.ts';
import { GroupCommit } from './group-commit.ts';
import { ImageKeys } from './image-keys.ts';
import { Intake } from './intake.ts';
import { Letters } from './letters.ts';
import { Observations } from './observations.ts';
import { PictureLine, type PictureLineDeps } from './picture-line.ts';
import type { CoverFolder } from './picture-ports.ts';
import type { PictureWayDeps } from './picture-way.ts';
import { PictureWays } from './picture-ways.ts';
import { PictureWork } from './picture-work.ts';
import type { Clock, ContactId, Link, Log, Store, Terminal } from './ports.ts';
import { Reception } from './reception.ts';
import { ToldTimes } from './told-times.ts';
import { Windows } from './windows.ts';

const CAPABILITIES =
  CAPABILITY.parts |
  CAPABILITY.letters |
  CAPABILITY.pictures |
  CAPABILITY.readings |
  CAPABILITY.time;

export interface PeerMessengerConfig {
  readonly name: string;
  /** Where this peer can be called; undefined: it cannot, and has to ask for what is there. */
  readonly address: string | undefined;
  readonly trust: 'tofu' | 'verified';
  /** Without an address: how often to ask for what is there. Default 2,000. */
  readonly poll_ms?: number;
  /** The largest message in bytes, sent or received. */
  readonly contentSizeMax: number;
  /** When sessions are renewed and wiped; left out: as PROTOCOL §6 says. */
  readonly sessionLimits?: SessionLimits;
}

export interface PeerMessengerDeps {
  readonly crypto: CryptoProvider;
  readonly randomBytes: RandomBytes;
  readonly staticKeys: KeyPair;
  readonly store: Store;
  readonly link: Link;
  readonly clock: Clock;
  readonly terminal: Terminal;
  readonly log: Log;
  /** Where the person puts covers; left out: they are only sent along. */
  readonly coverFolder?: CoverFolder;
}

/** Each use case takes the parts that it names. */
export function partsOf(config: PeerMessengerConfig, outside: PeerMessengerDeps) {
  const { store, clock, link, randomBytes, terminal, log } = outside;
  const contacts = new Contacts(store.contacts);
  const introduce = () => ({
    capabilities: CAPABILITIES,
    maxFrame: FRAME_SIZE_MAX,
    name: config.name,
    address: config.address,
  });
  const self: Self = { ...outside, introduce };
  const sessions = new Sessions(self, contacts, config.sessionLimits);
  const meetings = new Meetings(self, contacts, sessions);
  const reunions = new Reunions(self, contacts, sessions, meetings);
  const announcer = new Announcer(contacts, terminal, log);
  const observations = new Observations();
  const commits = new GroupCommit((work) => store.transaction(work));
  const letters = new Letters({ ...outside, contacts });
  const jitter = () => (randomBytes(1)[0] ?? 0) / 256;
  const limits = { contentSizeMax: config.contentSizeMax, partBytesMax: 2 * config.contentSizeMax };
  const intake = new Intake(store, new Windows(store.inbox), clock, limits);
  const times = new ToldTimes(clock);
  const shared = {
    ...outside,
    contacts,
    sessions,
    meetings,
    reunions,
    announcer,
    observations,
    times,
  };
  const changed = (contact: ContactId) => announcer.tell('queue', contact);
  const deliveries: Deliveries = new Deliveries(
    {
      ...shared,
      receiveReply: (contact, bundle, outgoing) =>
        reception.receiveReply(contact, bundle, outgoing.packets),
      carryOut: (effects) => reception.carryOut(effects),
      changed,
    },
    link,
    jitter,
  );
  const receiveReply = (contact: ContactId, bundle: Uint8Array) =>
    void reception.receiveReply(contact, bundle, []);
  const delivering = { ...shared, commits, letters, intake, deliveries };
  const pictures = pictureParts({ ...delivering, jitter, changed, receiveReply });
  const reception: Reception = new Reception({ ...delivering, ...pictures });
  const carryOut = reception.carryOut.bind(reception);
  return { ...config, ...delivering, ...pictures, reception, carryOut };
}

type Delivering = Omit<PictureWayDeps, 'sends'> &
  Omit<PictureLineDeps, 'imageKeys' | 'work'> &
  CoversDeps & { readonly staticKeys: KeyPair };

function pictureParts(deps: Delivering) {
  const work = new PictureWork(deps.clock, (share) => deps.announcer.hiding(share));
  const imageKeys = new ImageKeys(deps.crypto, deps.staticKeys);
  const pictureWays = new PictureWays(deps);
  deps.announcer.onMeetingEnded((contact, end) => {
    if ('pattern' in end) pictureWays.promoted(contact);
  });
  const pictureLine = new PictureLine({ ...deps, imageKeys, work });
  return { work, imageKeys, pictureWays, pictureLine, covers: new Covers(deps) };
}

export type Parts = ReturnType<typeof partsOf>;
