/** `/contacts`: who is known, and forgetting one. What a contact has sent stays. */
import type { Route } from './route.ts';

export const listContacts: Route = (ctx, messenger) => {
  const { contacts } = messenger.show();
  ctx.body = contacts.map(({ name, address, public_key, fingerprint, verified, state }) => {
    return { name, address, public_key, fingerprint, verified, state };
  });
};

export const removeContact: Route = (ctx, messenger) => {
  messenger.removeContact(ctx.params['name'] ?? '');
  ctx.status = 204;
};
