/** An SMTP reply: code (RFC 5321 §4.2), enhanced status code (RFC 3463), text of one line without either. */
export interface Reply {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}
