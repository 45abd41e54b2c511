import type { Reply } from "./reply.ts";

/**
 * Every reply that this relay sends. Texts follow what customers of relay services know, so that what greps or parses
 * them goes on working. None says more of the configuration than the client told us itself. Greeting, EHLO and 3xx replies bear no
 * enhanced code (RFC 2034 §4) and stand with smtp-server.
 */
function reply(code: number, enhanced: string, text: string): Reply {
  return { code, enhanced, text };
}

// Session

export const goodbye = reply(221, "2.0.0", "Bye");
export const flushed = reply(250, "2.0.0", "Flushed");
export const nothingDone = reply(250, "2.0.0", "OK");
export const helpText = reply(214, "2.0.0", "This is a mail submission service (RFC 6409)");
export const cannotVerify = reply(252, "2.5.0", "Cannot verify a mailbox; send the message and see");
export const readyForTls = reply(220, "2.0.0", "Ready to start TLS");

export const tooManyConnections = reply(421, "4.7.0", "Too many connections, try again later");
export const tooManyConnectionsFromAddress = reply(421, "4.7.0", "Too many connections from your address");
export const talksTooSoon = reply(421, "4.5.0", "You talk too soon; wait for the greeting (RFC 5321 section 4.3.1)");
export const notAuthenticatedInTime = reply(421, "4.4.2", "Not authenticated in time - closing connection");
export const sessionTooLong = reply(421, "4.4.2", "Session has lasted too long - connect again");
export const messageTooSlow = reply(421, "4.4.2", "Message did not arrive in time - closing connection");
export const tooManyCommands = reply(421, "4.7.0", "Too many commands without a message - closing connection");
export const tooManyErrors = reply(421, "4.7.0", "Too many errors - closing connection");
export const tooManyMessages = reply(421, "4.7.0", "Too many messages on this connection - connect again");
export const shuttingDown = reply(421, "4.3.2", "Service is restarting - connect again");
export const httpNotAllowed = reply(421, "4.7.0", "This is not a web server");

// Commands

export const unknownCommand = reply(500, "5.5.1", "Command not recognized");
export const commandNotImplemented = reply(502, "5.5.1", "Command not implemented");
export const bareLineFeed = reply(500, "5.5.2", "Line ends without CR (RFC 5321 section 2.3.8) - closing connection");
export const lineTooLong = reply(500, "5.5.2", "Command line too long - closing connection");
export const unexpectedInput = reply(
  554,
  "5.5.0",
  "Input behind a command whose reply must be awaited (RFC 2920) - closing connection",
);
export const greetFirst = reply(503, "5.5.1", "Send EHLO first");
export const nestedMail = reply(503, "5.5.1", "A mail transaction is already open");
export const needMail = reply(503, "5.5.1", "Send MAIL first");
export const needRecipient = reply(503, "5.5.1", "Send RCPT first");
export const syntaxEhlo = reply(501, "", "Syntax: EHLO hostname");
export const noArguments = reply(501, "5.5.4", "This command takes no argument");
export const tlsActive = reply(503, "5.5.1", "TLS is already active");
export const syntaxMail = reply(501, "5.5.4", "Syntax: MAIL FROM:<address>");
export const syntaxRcpt = reply(501, "5.5.4", "Syntax: RCPT TO:<address>");
export const badParameter = (name: string): Reply => reply(501, "5.5.4", `Bad value of parameter ${name}`);
export const duplicateParameter = (name: string): Reply => reply(501, "5.5.4", `Parameter ${name} given twice`);
export const unknownParameter = (name: string): Reply => reply(555, "5.5.4", `Parameter ${name} not recognized`);

// AUTH

export const authenticated = reply(235, "2.7.0", "Authentication successful");
export const encryptionRequired = reply(538, "5.7.11", "Must issue a STARTTLS command first");
export const startTlsFirst = reply(530, "5.7.0", "Must issue a STARTTLS command first");
export const authenticationRequired = reply(530, "5.7.0", "Authentication required");
export const alreadyAuthenticated = reply(503, "5.5.1", "Already authenticated");
export const unknownMechanism = reply(504, "5.5.4", "Unrecognized authentication type; use AUTH PLAIN");
export const authenticationAborted = reply(501, "5.7.0", "Authentication aborted");
export const badAuthentication = reply(501, "5.5.2", "Cannot decode the AUTH PLAIN response");
export const sendResponse = reply(334, "", "");
export const invalidCredentials = reply(535, "5.7.8", "Authentication credentials invalid");
export const tooManyFailedAuthentications = reply(421, "4.7.0", "Too many failed authentications - closing connection");
export const credentialsRevoked = reply(421, "4.7.0", "Credentials are no longer valid - closing connection");
export const temporaryAuthenticationFailure = reply(454, "4.7.0", "Temporary authentication failure");
export const creditsExhausted = reply(451, "4.7.1", "Authentication failed: Maximum credits exceeded");

// Policy

export const tenantDisabled = reply(550, "5.7.1", "Sending is disabled for this account");
export const tenantSuspended = reply(550, "5.7.1", "Sending is suspended for this account");
export const environmentDisabled = (name: string): Reply =>
  reply(550, "5.7.1", `Sending is disabled for environment ${name}`);
export const senderDomainNotAllowed = (domain: string): Reply =>
  reply(550, "5.7.1", `You are not authorized to send from domain ${domain} (MAIL FROM)`);
export const fromDomainNotAllowed = (domain: string): Reply =>
  reply(550, "5.7.1", `You are not authorized to send from domain ${domain} (From header field)`);

// Addresses

export const badSender = (why: string): Reply => reply(553, "5.1.7", `Sender address refused: ${why}`);
export const badRecipient = (why: string): Reply => reply(553, "5.1.3", `Recipient address refused: ${why}`);
export const senderNeedsSmtpUtf8 = reply(553, "5.6.7", "Sender address is not ASCII and needs SMTPUTF8 (RFC 6531)");
export const recipientNeedsSmtpUtf8 = reply(
  553,
  "5.6.7",
  "Recipient address is not ASCII and needs SMTPUTF8 (RFC 6531)",
);

// Transaction

export const senderAccepted = reply(250, "2.1.0", "Sender address accepted");
export const recipientAccepted = reply(250, "2.1.5", "Recipient address accepted");
export const sendContent = reply(354, "", "Continue; end with <CR><LF>.<CR><LF>");
export const queued = (id: string): Reply => reply(250, "2.0.0", `Ok: queued as ${id}`);
export const tooManyRecipients = reply(452, "4.5.3", "Too many recipients");
export const tooLarge = (limit: number): Reply =>
  reply(552, "5.3.4", `Message too large; the limit is ${limit} octets`);
export const noMemory = reply(452, "4.3.1", "Insufficient system resources, try again later");
/** A rate limit of the credential, environment, tenant or address does not admit the message now. */
export const rateLimited = (seconds: number): Reply =>
  reply(451, "4.7.1", `Rate limit exceeded, try again in ${secondsText(seconds)}`);
/** The same for a client that goes on all the time. */
export const rateIgnored = (seconds: number): Reply =>
  reply(421, "4.7.0", `Rate limit exceeded too often, connect again in ${secondsText(seconds)} - closing connection`);
export const storeFull = reply(452, "4.3.1", "Insufficient system storage, try again later");
export const storeFailed = reply(451, "4.3.0", "Temporary local problem, try again later");

// Content (RFC 3463 §3.7; 550 as at other relays, for what no retry cures)

export const badContent = (why: string): Reply => reply(550, "5.6.0", `Message content refused: ${why}`);
export const contentNeedsSmtpUtf8 = reply(
  550,
  "5.6.7",
  "Message content refused: header fields are not ASCII and need SMTPUTF8 (RFC 6531)",
);
export const routingLoop = (hops: number): Reply => reply(554, "5.4.6", `Routing loop: ${hops} Received header fields`);

function secondsText(seconds: number): string {
  return seconds === 1 ? "1 second" : `${seconds} seconds`;
}

/** A reply as one line, as logs and events show it. */
export function replyText({ code, enhanced, text }: Reply): string {
  return [code, enhanced, text].filter((part) => part !== "").join(" ");
}
