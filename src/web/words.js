/** What states and refusals mean to a person at this page, and what to do next. */
import { inWords, plural } from './format.js';

/** A device may call its values what it likes, `constructor` as well. */
export function own(table, name) {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

const REFUSALS = {
  not_paired: 'There are no keys with this contact yet. Send keys under Pair, on both sides.',
  not_verified:
    'Nobody has compared the code with this contact yet. Compare the six digits under Pair; then it goes.',
  comparison_changed: 'The keys have changed since. Compare the code that is shown now.',
  nothing_to_compare: 'There is no code to compare any more. Send keys again on both sides.',
  invalid_address: 'This is not an address of a peer. Write it like http://192.168.1.7:5000.',
  own_address: 'This leads to this very peer. Enter what the other side shows.',
  invalid_code: 'This is not a whole pairing code. Copy it once more from the other side.',
  code_not_taken:
    'The other peer has not taken this code. A code works once and for ten minutes, and only at the peer that made it. Have a new one made there, and enter that.',
  no_contact: 'There is nobody to send to yet. Pair with somebody first.',
  unknown_contact: 'This contact is not here any more. Somebody has removed it.',
  ambiguous_contact: 'There are several contacts. Choose one.',
  unreachable:
    'The other peer does not answer at its address. See that it runs and that the address is right, then try again.',
  refused_by_contact:
    'The other peer has answered, and refused. Its card here says why, and what to do.',
  key_changed:
    'The other side shows another key than before. Ask the person, by another way, whether that is right. If so, remove the contact and meet anew; if not, somebody sits in between.',
  too_large: 'This is too large: a file may have 1 GB, one in a picture 16 MB, a PNG 32 MB.',
  unsupported:
    'The other peer takes no pictures, or cannot be called. Save the picture and carry it by hand.',
  letter_unreadable:
    'None of your contacts has written this letter to this peer, or it was changed on the way.',
  picture_unreadable:
    'There is no message for this peer in this picture. It may be for somebody else, or it was changed: any conversion destroys what is inside.',
  cover_too_small: 'This cover cannot hold that much. Take a larger picture, or send less.',
  cover_used: 'This cover was used before. Take another: two pictures made of one betray both.',
  queue_full: 'Too many pictures wait for this contact. They go as soon as it can be reached.',
  busy: 'This peer is at work on other pictures. Try again in a few seconds.',
  other_site: 'The browser says that another site has asked for this. Open the page itself again.',
  host_not_allowed:
    'This peer is not called by the name in the address bar. Use 127.0.0.1, or have the name allowed where the peer is started.',
  not_typed: 'This has to be done by hand. Open the page itself again.',
  forwarded: 'A proxy stands between this page and the peer, and the peer does not expect one.',
  not_local: 'The demonstration can be operated from its own computer only.',
  malformed_bundle: 'The peer did not understand what this page has sent.',
  not_found: 'This is not there any more. Load the page again.',
  method_not_allowed: 'This page does not fit the peer any more. Load it again.',
  body_timeout: 'That took too long, and nothing was sent. Try again.',
  unsupported_media_type: 'The peer did not understand what this page has sent. Load it again.',
  too_many_requests: 'Too much at once. Try again in a moment.',
  internal: 'This peer has made a mistake; its log has the details. What was sent before is safe.',
  store_failed:
    'The data of this peer cannot be read or written. Its log has the details, and sotto doctor looks for the cause.',
  unavailable: 'This peer cannot take anything right now. Try again in a few seconds.',
  store_full: 'There is no room on the disk of this peer. Make some, then try again.',
  stopping: 'This peer is stopping. Try again when it runs again.',
  token_missing: 'This takes the token. Open the link that the peer printed when it started.',
  token_wrong:
    'That is not the link of this run: it is new after each start. Take the one that was printed last.',
  wrong_passphrase: 'That is not the present passphrase. Nothing was changed.',
  no_message: 'This message is not here any more.',
  letter_repeated: 'This letter has been taken before. Its messages are in the conversation.',
};

/** For an ErrorNote. Where only the peer knows the point, its own words stand: they name no route. */
export function refusal({ code, message }) {
  const words = own(REFUSALS, code) ?? message.replace(/ docs\/\S+ [^.]*\./, '');
  return { text: words.charAt(0).toUpperCase() + words.slice(1), code };
}

const AGAIN = 'Send keys here, and have them sent there within ten minutes.';

/** Why a meeting came to nothing, and what to do: by the `failure` in GET /show. */
const MEETING_FAILURES = {
  cannot_be_called: () =>
    'It has no address to be called at. Make a pairing code, and enter it there.',
  code_needed: (name) =>
    `${name} meets only by a pairing code. Make one on either side, and enter it on the other.`,
  forbidden: (name) =>
    `${name} has refused. Perhaps a pairing code waits there to be entered here, or it still knows this peer by an older key: then remove this peer there, and meet anew.`,
  unanswered: (name) => `Nobody at ${name} has answered in time. ${AGAIN}`,
  stale: () => `The two sides missed each other. ${AGAIN}`,
  attempts_used: () => `The two sides missed each other several times. ${AGAIN}`,
};

/** What no second attempt mends: somebody has to look. */
const ALARMS = {
  key_changed: (name) => ({
    word: 'Shows another key',
    todo: `Who answers as ${name} has another key than before. Ask the person, by another way, whether the peer was set up anew. If so, remove this contact and meet again. If not, somebody sits in between: send nothing.`,
  }),
  key_of_another: () => ({
    word: 'Is another contact',
    todo: 'At this address answers a peer that is among your contacts by another name. Use that one, and remove this.',
  }),
  own_key: () => ({
    word: 'Is this very peer',
    todo: 'This address leads back to this peer. Remove this contact, and enter the address that the other side shows.',
  }),
};

/** How it stands with a contact: a word, a tone, and what to do. */
export function standing(contact) {
  const { state, verified, code, failure, address, last_error } = contact;
  const name = inWords(contact.name);
  const alarm = own(ALARMS, failure ?? '')?.(name);
  if (alarm !== undefined) return { ...alarm, tone: 'bad', action: 'none' };
  const failed = own(MEETING_FAILURES, failure ?? '')?.(name) ?? '';
  if (state === 'forgotten_by_contact') {
    const todo = `${name} does not know this peer's keys any more, perhaps after a new start from nothing. Meet anew, here and there.`;
    return { word: 'Has forgotten us', tone: 'bad', todo, action: 'anew' };
  }
  if (state !== 'paired' && address === undefined) {
    const todo = `${name} cannot be called from here. Make a pairing code, and enter it there.`;
    return { word: 'Not met yet', tone: '', todo, action: 'none' };
  }
  if (state !== 'paired' && last_error) {
    const todo = `${name} does not answer at this address. See that it runs, then send keys again. If it has moved, enter the same name and its new address under “Meet by address”.`;
    return { word: 'No answer', tone: 'bad', todo, action: 'keys' };
  }
  if (state !== 'paired' && failed !== '') {
    return { word: 'Did not work', tone: 'bad', todo: failed, action: 'keys' };
  }
  if (state === 'new') {
    return { word: 'Not met yet', tone: '', todo: AGAIN, action: 'keys' };
  }
  if (state === 'waiting') {
    const todo = `Keys are on their way. Now somebody has to send keys from ${name}, too, within ten minutes.`;
    return { word: 'Waiting for them', tone: 'warn', todo, action: 'keys' };
  }
  // One that is away now is told apart; its keys are renewed by themselves once it is back.
  const isAway = failure === 'unanswered' && last_error !== undefined;
  const kept =
    failed &&
    !isAway &&
    `The last meeting came to nothing; the keys from before still hold. ${failed}`;
  if (verified) return { word: 'Verified', tone: 'good', todo: kept, action: 'renew' };
  if (code !== undefined) {
    return { word: 'Compare the code', tone: 'warn', todo: '', action: 'compare' };
  }
  const todo = kept || 'Nobody has compared a code yet. Meet anew on both sides to get one.';
  return { word: 'Not compared', tone: 'warn', todo, action: 'anew' };
}

/** Sentences about what is new in `after`, what GET /show answers. */
export function happened(before, after) {
  if (before?.contacts === undefined || after.contacts === undefined) return [];
  const earlier = new Map(before.contacts.map((contact) => [contact.name, contact]));
  return after.contacts.flatMap((contact) => changes(earlier.get(contact.name), contact));
}

function changes(before, { name: given, verified, unopened, code }) {
  const said = [];
  const name = inWords(given);
  if (verified && before?.verified !== true) said.push(`${name} is verified.`);
  if (code !== undefined && before?.code !== code) {
    said.push(`Met ${name}. Now compare the six digits.`);
  }
  const fresh = unopened - (before?.unopened ?? 0);
  if (fresh > 0) said.push(`${plural(fresh, 'sealed message')} from ${name}.`);
  return said;
}

export const REFUSED_PACKETS = {
  malformed: 'Not in the form that the protocol has',
  unauthenticated: 'Changed on the way, or made by somebody else',
  replayed: 'Sent once more by somebody, and refused',
  unknown_session: 'For a session that this peer no longer has',
  stale: 'For a meeting that is over',
  busy: 'Could not be stored at the moment',
  refused: 'Not allowed from there',
};

/** Readings' names, as SERIAL.md lists them. */
const SENSORS = {
  pressure_bmp: 'Air pressure',
  temp_bmp: 'Temperature, BMP280',
  temp_mpu: 'Temperature, MPU6050',
  temp_sht4: 'Temperature, SHT4x',
  humid_sht4: 'Humidity',
  ax: 'Acceleration x',
  ay: 'Acceleration y',
  az: 'Acceleration z',
  gx: 'Rotation x',
  gy: 'Rotation y',
  gz: 'Rotation z',
  boots: 'Starts',
  crashes: 'Crashes',
  brownouts: 'Power dips',
  reset_reason: 'Last reset',
  dropped: 'Readings dropped',
  queued: 'Readings waiting',
  line_errors: 'Line errors (noise)',
  tag_failures: 'Key errors (wrong key, or an attack)',
  heap_free: 'Least free memory',
  stack_free: 'Least free stack',
};

/** By ESP-IDF's esp_reset_reason_t. */
const RESETS = [
  'Unknown',
  'Power on',
  'Reset pin',
  'By itself, as asked',
  'Crash',
  'Hung in an interrupt',
  'A task hung',
  'Hung',
  'Woke from sleep',
  'Power dip',
  'SDIO',
  'USB',
  'Debugger',
  'Fuse error',
  'Power glitch',
  'Processor locked up',
];

/** Crashes, hangs, and power that was not enough. */
const BAD_RESETS = [4, 5, 6, 7, 9, 14, 15];

export const isBadReset = (number) => BAD_RESETS.includes(number);

export const resetReason = (number) => RESETS[number] ?? `Number ${number}`;

export const sensorName = (name) => own(SENSORS, name) ?? name;

const UNITS = { Cel: '°C', '%RH': '%', 'm/s2': 'm/s²', Pa: 'hPa' };

export const unitName = (unit) => own(UNITS, unit) ?? unit ?? '';

/** What a value in this unit is divided by to be shown: weather is told in hPa. */
export const unitFactor = (unit) => (unit === 'Pa' ? 100 : 1);
