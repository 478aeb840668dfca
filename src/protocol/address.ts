/** The address of a peer, PROTOCOL §3.1: `http://HOST:PORT` and nothing else. */

export const ADDRESS_SIZE_MAX = 255;

const NAME_OR_IPV4 = '[A-Za-z0-9.-]+';
const IPV6 = '\\[[0-9A-Fa-f:.]+\\]';
const ADDRESS = new RegExp(`^http://(?:${NAME_OR_IPV4}|${IPV6}):([1-9][0-9]{0,4})$`);

export function isAddress(text: string): boolean {
  const port = ADDRESS.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65_535 && text.length <= ADDRESS_SIZE_MAX;
}
