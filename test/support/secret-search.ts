/** Looks for many secrets, in every form in which a program may let one slip, in one pass. */
import type { Secret } from './recording-crypto.ts';

/** Shorter ones are found anywhere by chance. */
const SIZE_MIN = 16;

interface Form {
  readonly what: string;
  readonly bytes: Buffer;
}

export class SecretSearch {
  /** By the first four bytes, as a number. */
  readonly #forms = new Map<number, Form[]>();

  constructor(secrets: readonly Secret[]) {
    const seen = new Set<string>();
    for (const secret of secrets) {
      const hex = Buffer.from(secret.bytes).toString('hex');
      // A psk of zeros, PROTOCOL §2, is no secret.
      if (secret.bytes.length < SIZE_MIN || /^(00)*$/.test(hex) || seen.has(hex)) continue;
      seen.add(hex);
      for (const bytes of formsOf(secret.bytes)) this.#add({ what: secret.what, bytes });
    }
  }

  /** What is in `content`, each once. */
  in(content: Buffer): string[] {
    // As arrays are printed, in columns.
    const dense = Buffer.from(content.toString('latin1').replace(/,\s+/g, ','), 'latin1');
    return [...new Set([...this.#look(content), ...this.#look(dense)])];
  }

  #look(content: Buffer): Set<string> {
    const found = new Set<string>();
    for (let at = 0; at + 4 <= content.length; at += 1) {
      const candidates = this.#forms.get(content.readUInt32LE(at));
      for (const { what, bytes } of candidates ?? []) {
        if (bytes.equals(content.subarray(at, at + bytes.length))) found.add(what);
      }
    }
    return found;
  }

  #add(form: Form): void {
    const start = form.bytes.readUInt32LE(0);
    this.#forms.set(start, [...(this.#forms.get(start) ?? []), form]);
  }
}

/** Raw; hex, also as a Buffer is printed; base64 of both alphabets; as an array and as JSON. */
function formsOf(bytes: Uint8Array): Buffer[] {
  const raw = Buffer.from(bytes);
  const hex = raw.toString('hex');
  const numbers = [...bytes];
  const texts = [
    hex,
    hex.toUpperCase(),
    hex.replace(/..(?=.)/g, '$& '),
    hex.replace(/..(?=.)/g, '$&:'),
    ...[0, 1, 2].map((shift) => insideBase64(raw, shift)),
    ...[0, 1, 2].map((shift) => insideBase64(raw, shift).replaceAll('+', '-').replaceAll('/', '_')),
    numbers.join(','),
    numbers.map((byte, index) => `"${index}":${byte}`).join(','),
  ];
  return [raw, ...texts.map((text) => Buffer.from(text))];
}

/** The characters that do not change with what stands around it, `shift` bytes into a text. */
function insideBase64(raw: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), raw]).toString('base64');
  const first = Math.ceil((shift * 8) / 6);
  const last = Math.floor(((shift + raw.length) * 8) / 6);
  return text.slice(first, last);
}
