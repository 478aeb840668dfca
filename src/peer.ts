/**
 * The composition root: puts store, link, messenger and routes together, and is the only file
 * that knows them all.
 */
import type { Server } from 'node:http';
import { join } from 'node:path';
import { ConfigError, originOf, type PeerConfig } from './config.ts';
import { type CryptoProvider, providerOf, systemRandomBytes } from './crypto/index.ts';
import { StoreError } from './failures.ts';
import { loadStaticKeys } from './identity.ts';
import { keeperOf } from './keeper.ts';
import { HttpLink } from './link/index.ts';
import { listen, notListening, tryToListen } from './listening.ts';
import {
  type ContactStore,
  type Log,
  PeerMessenger,
  type Terminal,
  unmet,
} from './messenger/index.ts';
import { announcePresence } from './presence.ts';
import { isAddress } from './protocol/index.ts';
import {
  ARRIVAL_LIMITS,
  Arrivals,
  closeServer,
  createHttpServer,
  createOperatorApp,
  createPeerApp,
  Events,
  type GuardConfig,
  Meters,
  type OperatorSide,
  PICTURE_ARRIVAL_LIMITS,
  serve,
} from './routes/index.ts';
import { FileCovers, openStore, type PeerStore } from './store/index.ts';
import { systemClock as clock, createLog, logged, stdoutTerminal } from './surroundings.ts';
import { keepUp } from './upkeep.ts';

/** PROTOCOL §8.4. */
const CONTENT_SIZE_MAX = 1024 ** 3;
/** How long a stopping peer lets others finish: its contacts, and then who waits for them. */
const LINK_GRACE_MS = 2_000;
const SERVER_GRACE_MS = 4_000;

/** A peer that listens. */
export interface RunningPeer {
  readonly name: string;
  /** Where its person and its page call it, e.g. `http://127.0.0.1:5000`. */
  readonly origin: string;
  /** What its operator shows: for this peer's own person only. */
  readonly token: string;
  /** Opens the page; holds the token. */
  readonly pageLink: string;
  readonly fingerprint: string;
}

export interface Peer {
  /** @throws {ConfigError} if it cannot listen, {StoreError} if it cannot have its data. */
  start(): Promise<RunningPeer>;
  /** Finishes what is under way, for a few seconds at most. Nothing acknowledged is lost. */
  stop(): Promise<void>;
}

/** What tests replace. */
export interface Surroundings {
  readonly crypto: CryptoProvider;
  readonly log: Log;
  readonly terminal: Terminal;
}

export function createPeer(config: PeerConfig, given: Partial<Surroundings> = {}): Peer {
  const surroundings = async (): Promise<Surroundings> => ({
    crypto: given.crypto ?? (await providerOf(config.crypto)),
    log: given.log ?? createLog(config.logLevel),
    terminal: given.terminal ?? stdoutTerminal(config.printMessages),
  });
  /** What to undo at the end, last things first. */
  const undo = new AsyncDisposableStack();
  return {
    async start() {
      try {
        return await start(config, await surroundings(), undo);
      } catch (cause) {
        await undo.disposeAsync();
        throw cause;
      }
    },
    stop: () => undo.disposeAsync(),
  };
}

async function start(
  config: PeerConfig,
  surroundings: Surroundings,
  undo: AsyncDisposableStack,
): Promise<RunningPeer> {
  const { crypto, log } = surroundings;
  assertCallable(config);
  // Before anything is made; it is let go until requests can be answered.
  await explained(config, tryToListen(config));
  const store = await openConfiguredStore(config, crypto, log);
  undo.defer(() => store.close());
  const staticKeys = loadStaticKeys(store.settings, crypto);
  undo.defer(() => staticKeys.wipe());
  addContacts(store.contacts, config.contacts);
  // The port comes first: the messenger tells others where it can be called.
  const server = createHttpServer();
  const port = await explained(config, listen(server, config));
  undo.defer(() => closeServer(server, 0));

  const link = new HttpLink();
  const origin = originOf(config.host, port);
  const address = config.address ?? (config.isCallable ? origin : undefined);
  const messenger = new PeerMessenger(
    { name: config.name, address, trust: config.trust, contentSizeMax: CONTENT_SIZE_MAX },
    {
      ...surroundings,
      staticKeys,
      store,
      link: logged(link, log),
      clock,
      randomBytes: systemRandomBytes,
      coverFolder: new FileCovers(join(config.dataFolder, 'covers')),
    },
  );
  const forwarding = await forward(config, store, log);
  undo.defer(() => forwarding?.stop());
  const token = newToken();
  const events = new Events(messenger);
  const keeper = keeperOf(config, store.settings, crypto);
  const guard = guardOf(config, port, token);
  const backup = () => store.backup();
  const meters = new Meters(messenger, () => forwarding?.state() ?? []);
  // Before anything begins: a start that fails half-way must not wipe keys under an exchange.
  undo.defer(async () => {
    events.close();
    const served = closeServer(server, SERVER_GRACE_MS);
    await Promise.all([served, messenger.stop(), link.close(LINK_GRACE_MS)]);
    messenger.settle();
  });
  undo.defer(makeFindable(config, port, token, log));
  serveRoutes(server, { messenger, events, keeper, guard, backup, log, meters });
  messenger.start();
  undo.defer(keepUp(config, store, log));
  const called = origin ?? `http://127.0.0.1:${port}`;
  log.info('listening', { origin: called });
  const { fingerprint } = messenger.showSelf();
  if (config.announce) undo.defer(await announceNearby(config, port, fingerprint, log));
  const pageLink = `${called}/?token=${token}`;
  return { name: config.name, origin: called, token, pageLink, fingerprint };
}

/** @throws {ConfigError} if it would tell others an address that they refuse, PROTOCOL §3.1. */
function assertCallable({ address, isCallable, host, port }: PeerConfig): void {
  const told = address ?? (isCallable ? originOf(host, port || 1) : undefined);
  if (told === undefined || isAddress(told)) return;
  const what = address === undefined ? `host ${host}` : `address ${address}`;
  const rule = 'they take names of letters, digits, "." and "-", and IP addresses';
  throw new ConfigError(`Other peers cannot call ${what}: ${rule}; give another with --address.`);
}

/** A full disk keeps nobody from starting: only commands do not find this peer then. */
function makeFindable(
  { dataFolder, host }: PeerConfig,
  port: number,
  token: string,
  log: Log,
): () => void {
  try {
    return announcePresence(dataFolder, { host, port, token });
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.failure !== 'full') throw cause;
    log.warn('not_findable', { reason: cause.message });
    return () => {};
  }
}

/** Loaded only where somebody wants to be found. */
async function announceNearby(
  { name, address }: PeerConfig,
  port: number,
  fingerprint: string,
  log: Log,
) {
  const { announce } = await import('./nearby.ts');
  log.info('announced', { name, fingerprint });
  return announce({ name, address, port, fingerprint }, (cause) => {
    log.warn('not_announced', { reason: cause.message });
  });
}

/** Loaded only where somebody forwards; what waited for places that are no longer named, goes. */
async function forward({ forward: addresses, name: from }: PeerConfig, store: PeerStore, log: Log) {
  if (addresses !== undefined) store.forwards.nameTargets(addresses);
  if (addresses === undefined || addresses.length === 0) return undefined;
  const { forwardTo } = await import('./forward/index.ts');
  return forwardTo(addresses, { queue: store.forwards, clock, log, from });
}

async function openConfiguredStore(
  { dataFolder, passphrase }: PeerConfig,
  crypto: CryptoProvider,
  log: Log,
): Promise<PeerStore> {
  const key = passphrase === undefined ? 'key file' : { passphrase };
  try {
    return await openStore({ folder: dataFolder, key, log, crypto });
  } finally {
    passphrase?.fill(0);
  }
}

/** Of those that the configuration names, the ones that nobody has made yet. */
function addContacts(contacts: ContactStore, wanted: PeerConfig['contacts']): void {
  const known = contacts.all();
  for (const { name, address } of wanted) {
    if (known.some((contact) => contact.name === name || contact.address === address)) continue;
    contacts.insert(unmet(name, address));
  }
}

/** @throws {ConfigError} that says what stands in the way. */
async function explained<T>(config: PeerConfig, listening: Promise<T>): Promise<T> {
  return await listening.catch((cause: unknown) => {
    throw new ConfigError(notListening(config, cause), { cause });
  });
}

function serveRoutes(server: Server, side: OperatorSide): void {
  const { messenger, log, meters } = side;
  const arrivals = new Arrivals(ARRIVAL_LIMITS, clock.monotonic_ms);
  const pictureArrivals = new Arrivals(PICTURE_ARRIVAL_LIMITS, clock.monotonic_ms);
  const peerApp = createPeerApp({ messenger, log, meters, arrivals, pictureArrivals });
  serve(server, peerApp, createOperatorApp(side));
}

function guardOf(config: PeerConfig, port: number, token: string): GuardConfig {
  // A name or address that it was told to listen on is one of its own.
  const origin = originOf(config.host, port);
  const own = origin === undefined ? [] : [new URL(origin).hostname];
  return {
    mode: config.demo ? 'demo' : 'token',
    hosts: [...config.allowedHosts, ...own],
    behindProxy: config.behindProxy,
    token: new TextEncoder().encode(token),
    session: new TextEncoder().encode(newToken()),
    // Cookies are for a host whatever the port, and two peers may run on one.
    cookieName: `sotto_${port}`,
  };
}

/** 256 random bits that a URL, a header and a cookie can carry. */
function newToken(): string {
  return Buffer.from(systemRandomBytes(32)).toString('base64url');
}
