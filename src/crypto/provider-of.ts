/** The providers by their names. @noble is loaded only where it is asked for. */
import { openssl } from './openssl.ts';
import type { CryptoProvider } from './provider.ts';

export async function providerOf(name: CryptoProvider['name']): Promise<CryptoProvider> {
  return name === 'openssl' ? openssl : (await import('./noble.ts')).noble;
}
