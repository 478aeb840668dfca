/** `/identity`, `/passphrase`: what protects this peer's data, and its identity as a sealed file. */
import { z } from 'zod';
import { readFields } from './fields.ts';
import { needToken } from './need-token.ts';
import type { Route } from './route.ts';

/** The secrets that lie under a passphrase, while the peer runs. Wipes what it is given. */
export interface Keeper {
  protection(): 'passphrase' | 'key file';
  /** @throws {StoreError} `wrong_key` if `current` is not the one that opens the data. */
  changePassphrase(current: Uint8Array | undefined, next: Uint8Array): Promise<void>;
  /** The identity as text that only `passphrase` opens. @throws {StoreError} `wrong_key` */
  exportIdentity(current: Uint8Array | undefined, passphrase: Uint8Array): Promise<string>;
}

const Passphrase = z
  .string()
  .min(1)
  .max(1_024)
  .refine((text) => !/[\r\n]/.test(text), 'must be one line')
  .transform((text) => new TextEncoder().encode(text));

export const SecretFields = z.strictObject({
  /** The one that opens the data now; left out where a key file does. */
  current: Passphrase.exactOptional(),
  passphrase: Passphrase,
});

export function showIdentity(keeper: Keeper): Route {
  return (ctx, messenger) => {
    const { name, public_key, fingerprint } = messenger.showSelf();
    const { authenticated } = ctx.state.caller;
    const protected_by = keeper.protection();
    ctx.body = { name, public_key, fingerprint, protected_by, token_shown: authenticated };
  };
}

export function exportIdentity(keeper: Keeper): Route {
  return async (ctx, messenger) => {
    needToken(ctx);
    const { current, passphrase } = await readFields(ctx, SecretFields);
    const text = await keeper.exportIdentity(current, passphrase);
    ctx.attachment(`${messenger.showSelf().name}.identity`);
    ctx.type = 'application/octet-stream';
    ctx.body = Buffer.from(text);
  };
}

export function changePassphrase(keeper: Keeper): Route {
  return async (ctx) => {
    needToken(ctx);
    const { current, passphrase } = await readFields(ctx, SecretFields);
    await keeper.changePassphrase(current, passphrase);
    ctx.status = 204;
  };
}
