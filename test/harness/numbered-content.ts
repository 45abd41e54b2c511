import { createHash } from "node:crypto";

/** A message content that can be told from every other, of at least `size` octets; any damage shows in {@link isIntact}. */
export function contentOf(id: string, size: number): Buffer {
  const line = `${createHash("sha256").update(id).digest("hex")}\r\n`;
  const body = line.repeat(Math.ceil(size / line.length));
  return Buffer.from(
    `From: shop@shop.example\r\nTo: bob@example.net\r\nDate: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: <${id}@shop.example>\r\nX-Number: ${id}\r\n\r\n${body}`,
  );
}

/** Whether a content is, octet for octet, what {@link contentOf} made for this id and size. */
export function isIntact(id: string, size: number, content: Uint8Array | undefined): boolean {
  return content !== undefined && contentOf(id, size).equals(content);
}
