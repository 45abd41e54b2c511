/** The most characters of foreign text that is kept: of a remote reply, an error, a header field. */
export const longestText = 512;

/** C0 and C1 controls, line and paragraph separators, and the controls that turn the direction of text around. */
// oxlint-disable-next-line eslint/no-control-regex -- control characters are what it looks for
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+/g;

/** Anything that looks like one of our API keys, whole or cut. */
const apiKey = /ph_[a-z0-9]{12}_[0-9A-Za-z]{1,64}/g;

/**
 * Foreign text as it may go into a log, an event, a status or the spool: one line, no control characters, no API key,
 * at most {@link longestText} characters. A character outside the BMP is never cut in half.
 */
export function redact(text: string): string {
  // Text is cut before it is searched, so that the work is bounded too; four times leaves room for what is removed.
  const line = text
    .slice(0, longestText * 4)
    .replace(control, " ")
    .replace(apiKey, "[api key]")
    .trim();
  return line.slice(0, longestText).toWellFormed();
}
