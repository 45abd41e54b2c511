import type { Api } from "./api.ts";

/** A write was asked for by who may not write now, such as a leader whose time is over. It was not begun. */
export class Fenced extends Error {
  override readonly name = "Fenced";
  readonly notWritten = true;
}

/**
 * A way to the API server that is written to only while `mayWrite`: asked at each request, for one write of a cluster may take
 * several, and each may be sent again, so that not even a process that was frozen between two of them writes too late.
 * That holds until a request is handed to the kernel: what waits there, for a network that is cut, may arrive when another leads.
 */
export function fenced(api: Api, mayWrite: () => boolean): Api {
  const check = (): void => {
    if (!mayWrite()) throw new Fenced("not written: another process may lead by now");
  };
  return {
    async request(request) {
      if (request.method === "GET") return api.request(request);
      check();
      return api.request({ ...request, beforeSend: check });
    },
    stream: (request, onLine, options) => api.stream(request, onLine, options),
    close: () => api.close(),
  };
}
