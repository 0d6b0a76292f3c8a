/*
 * Characters that several codecs share, as UTF-16 code units unless stated.
 */
export const DIGIT_0 = 48;
export const COLON = 58;
export const LETTER_B = 98;
/** Joins the packets of a payload: the ASCII record separator, as text (Engine.IO revision 4, "Payload"). */
export const SEPARATOR = "\x1e";
