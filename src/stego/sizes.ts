/** What callers reckon with before a picture is opened. */

/** Of the tag behind a payload, in bytes. */
export const TAG_SIZE = 16;

/** Above so many bits a sample even simple tests begin to see that something is there. */
export const SUSPICIOUS_BITS_A_SAMPLE = 0.02;

/** Pixels from which on trying and measuring for nothing takes too much memory, beside the rest. */
export const PIXELS_TRIED_MAX = 2 ** 24;
