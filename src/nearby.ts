/**
 * Peers of one network, by mDNS and DNS-SD (RFC 6762, 6763). What is announced is for everybody
 * there to read, and anybody can announce anything: a name and an address to begin with, no more.
 * Who it is, the comparison of pairing tells.
 */
import { Bonjour, type Service } from 'bonjour-service';

const TYPE = 'sotto';
const FOUND_MAX = 64;

export interface Nearby {
  /** As it calls itself. */
  readonly name: string;
  /** `http://HOST:PORT` */
  readonly address: string;
  /** 30 digits. */
  readonly fingerprint: string;
}

/** Where to speak and listen; left out: as the standard says. For tests. */
export interface Network {
  readonly interface: string;
  readonly port: number;
}

interface Announced {
  readonly name: string;
  readonly fingerprint: string;
  readonly port: number;
  /** Undefined: whoever finds it calls where the answer came from. */
  readonly address: string | undefined;
}

/** Answers whoever looks, until it is called that this returns. */
export function announce(
  { name, fingerprint, port, address }: Announced,
  failed: (cause: Error) => void,
  network?: Network,
): () => Promise<void> {
  const bonjour = open(failed, network);
  bonjour.publish({
    // Its label on the wire, of which no two are the same; what people read is in TXT.
    name: `sotto-${fingerprint.slice(0, 12)}`,
    type: TYPE,
    port,
    probe: false,
    txt: { name, fingerprint, ...(address !== undefined && { address }) },
  });
  return async () => {
    await new Promise<void>((resolve) => bonjour.unpublishAll(() => resolve()));
    bonjour.destroy();
  };
}

/** Who answers within `wait_ms`, by name. @throws {Error} where there is no such network. */
export async function lookAround(wait_ms: number, network?: Network): Promise<readonly Nearby[]> {
  const { promise: failure, reject } = Promise.withResolvers<never>();
  failure.catch(() => undefined);
  const found = new Map<string, Nearby>();
  const bonjour = open(reject, network);
  const browser = bonjour.find({ type: TYPE }, (service) => {
    const peer = peerOf(service);
    if (peer !== undefined && found.size < FOUND_MAX) found.set(peer.fingerprint, peer);
  });
  try {
    await Promise.race([failure, new Promise((resolve) => setTimeout(resolve, wait_ms))]);
  } finally {
    browser.stop();
    bonjour.destroy();
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function open(failed: (cause: Error) => void, network: Network | undefined): Bonjour {
  const options = network === undefined ? {} : { ...network, bind: '0.0.0.0', loopback: true };
  return new Bonjour(options, failed);
}

/** Undefined if it says what no peer says. */
function peerOf({ txt, port, referer }: Service): Nearby | undefined {
  const {
    name,
    fingerprint,
    address = originOf(referer?.address, port),
  }: Partial<Nearby> = txt ?? {};
  const isPeer =
    isName(name) && /^\d{30}$/.test(String(fingerprint)) && isOrigin(address) && port > 0;
  return isPeer ? { name, address, fingerprint: String(fingerprint) } : undefined;
}

const isName = (name: unknown): name is string =>
  typeof name === 'string' && /^[^\p{C}]{1,64}$/u.test(name);

function isOrigin(address: unknown): address is string {
  const url = typeof address === 'string' && address.length <= 255 ? URL.parse(address) : null;
  return url?.protocol === 'http:' && address === `http://${url.hostname}:${url.port || 80}`;
}

function originOf(host: string | undefined, port: number): string | undefined {
  if (host === undefined) return undefined;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
