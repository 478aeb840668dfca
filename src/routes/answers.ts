/** What routes answer, as schemas: for the description of the routes, and for its test. */
import { z } from 'zod';
import { NextStepSchema } from '../next-step.ts';

const Time = z.iso.datetime();
const Id = z.string().describe('epoch-sequence, both 16 hex digits');
const Key = z.string().describe('64 hex digits');
const Count = z.int().min(0);

export const Keys = z.object({
  to: z.string(),
  state: z.enum(['established', 'waiting']),
  code: z.string().describe('six digits to compare').optional(),
  key_check: z.string().optional(),
  verified: z.boolean(),
  detail: z.string(),
  next: NextStepSchema.optional(),
});

const ShownContact = z.looseObject({
  name: z.string(),
  address: z.string().optional(),
  public_key: Key.optional(),
  fingerprint: z.string().optional(),
  verified: z.boolean(),
  state: z.enum(['new', 'waiting', 'paired', 'forgotten_by_contact']),
  advice: z.string(),
  reason: z.string().optional(),
  next: NextStepSchema.optional(),
  code: z.string().optional(),
  key_check: z.string().optional(),
  queued: z.looseObject({ messages: Count, items: Count, bytes: Count }),
  unopened: Count,
});

/** A stranger gets the first five. */
export const Shown = z.looseObject({
  name: z.string(),
  public_key: Key,
  combined_key: Key.optional(),
  fingerprint: z.string(),
  address: z.string().optional(),
  contacts: z.array(ShownContact).optional(),
  refused: z.record(z.string(), Count).optional(),
});

export const Sent = z.object({
  to: z.string(),
  id: Id,
  trust: z.enum(['verified', 'tofu']),
  delivered: z.boolean(),
  picture: z
    .looseObject({ psnr_dB: z.number().nullable(), cover_sha256: z.string() })
    .describe('with carrier=image: what hiding did to the cover')
    .optional(),
});

const Opened = z.looseObject({
  id: Id,
  from: z.string().optional(),
  verified: z.boolean().optional(),
  at: Time.optional(),
  type: z.string().optional(),
  text: z.string().optional(),
  content: z.string().describe('where the bytes of a file are').optional(),
});

export const Decrypted = z.object({
  count: Count,
  ids: z.array(Id),
  messages: z.array(Opened).describe('only with the token').optional(),
});

export const OpenedOne = Opened;
export const Verified = z.object({ to: z.string(), verified: z.boolean() });
export const Code = z.object({ code: z.string(), expires: Time });
export const Received = z.object({
  from: z.string(),
  messages: Count,
  cover: z.looseObject({ id: Count, sha256: z.string(), content: z.string() }).optional(),
});
export const FolderCovers = z.object({
  path: z.string().describe('where a person puts them').optional(),
  covers: z.array(z.object({ name: z.string(), content: z.string() })),
});
export const Covers = z.object({
  covers: z.array(z.looseObject({ id: Count, sha256: z.string(), content: z.string() })),
});

export const Contacts = z.array(
  z.object({
    name: z.string(),
    address: z.string().optional(),
    public_key: Key.optional(),
    fingerprint: z.string().optional(),
    verified: z.boolean(),
    state: z.string(),
  }),
);

export const Talk = z.object({
  messages: z.array(
    z.looseObject({ with: z.string(), direction: z.enum(['in', 'out']), state: z.string() }),
  ),
  before: z.string().nullable(),
});

const SensorRow = z.object({
  device: z.string(),
  name: z.string(),
  unit: z.string().optional(),
  at: Time,
  count: Count.optional(),
  min: z.number().optional(),
  mean: z.number(),
  max: z.number().optional(),
  sure: z.boolean(),
});

/** Rows of a series, or the newest by device with the older program's names on top. */
export const Sensors = z.union([
  z.array(SensorRow),
  z.looseObject({ devices: z.array(z.looseObject({ device: z.string() })) }),
]);

export const Identity = z.object({
  name: z.string(),
  public_key: Key,
  fingerprint: z.string(),
  protected_by: z.enum(['passphrase', 'key file']),
  token_shown: z.boolean(),
});

export const Capacity = z.looseObject({ bytes: Count });
export const Alive = z.object({ status: z.literal('ok') });
