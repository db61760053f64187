/** What a server of the testbed can do wrong on purpose, instead of answering a request as it should. */
export type Fault =
  /** Answers this; the real server never hears of the request. */
  | {
      readonly type: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Waits, then does the right thing (or the next fault). */
  | { readonly type: "delay"; readonly ms: number; readonly next?: Fault }
  /** Cuts the connection before the real server hears of the request. */
  | { readonly type: "reset" }
  /** Cuts the connection when so many bytes of the request's body have reached the real server. */
  | { readonly type: "resetRequest"; readonly afterBytes: number }
  /** Cuts the connection when so many bytes of the answer's body have been sent. */
  | { readonly type: "resetAnswer"; readonly afterBytes: number }
  /** Ends the answer's body after so many bytes as if it were whole. */
  | { readonly type: "truncateAnswer"; readonly afterBytes: number }
  /** Sends so many bytes of the answer's body, then nothing more; the connection stays. */
  | { readonly type: "stallAnswer"; readonly afterBytes: number }
  /** Lets the real server do its work, then answers this instead of what it said. */
  | { readonly type: "replaceAnswer"; readonly status: number }
  /** Lets the real server do its work, then cuts the connection without a word. */
  | { readonly type: "dropAnswer" }
  /** Neither answers nor hangs up; the real server never hears of the request. */
  | { readonly type: "hang" };

/** One request, as a rule sees it before anything has happened. */
export interface IncomingCall {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** How many requests came before it. */
  readonly index: number;
}

/** Decides what goes wrong with a request; undefined is nothing. */
export type FaultRule = (call: IncomingCall) => Fault | undefined | Promise<Fault | undefined>;

/** One request that a server of the testbed has met, in the order of arrival. */
export interface RecordedCall extends IncomingCall {
  /** Bytes of the request's body that arrived so far. */
  requestBytes: number;
  /** The body's text, where the server keeps bodies; else empty. */
  requestBody: string;
  /** The status that was sent to the client; undefined while there is none. */
  status: number | undefined;
}

/** A rule that applies `fault` to the first `times` requests that match, and counts no others. */
export function faultOnce(matches: (call: IncomingCall) => boolean, fault: Fault, times = 1): FaultRule {
  let left = times;
  return (call) => {
    if (left === 0 || !matches(call)) return undefined;
    left -= 1;
    return fault;
  };
}
