/**
 * A double of the Lambda Runtime API on this machine: hands events to one process and takes its answers, one at a time.
 * Source: AWS Lambda, "Using the Lambda runtime API for custom runtimes".
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How an event was answered. */
export type Reply =
  | { readonly kind: "response"; readonly body: string }
  /** The process says that the invocation failed. */
  | { readonly kind: "error"; readonly body: string };

interface Invocation {
  readonly id: string;
  readonly event: string;
  readonly deadline: number;
  readonly settle: (reply: Reply) => void;
}

const PREFIX = "/2018-06-01/runtime";
const FUNCTION_ARN = "arn:aws:lambda:us-east-1:000000000000:function:servers-verify";

/** How long after its deadline a process may still answer, in milliseconds: truthfully, that the time is over. */
const GRACE = 2000;

/** The double. `start` it, give a process its address, and `invoke`. */
export class RuntimeApi {
  private readonly server: Server = createServer((request, response) => {
    this.answer(request, response).catch(() => {
      // The process has gone away in the middle of what it said: whoever waits for it is told when it exits.
      response.destroy();
    });
  });
  private readonly waiting: Invocation[] = [];
  private current: Invocation | undefined;
  private next: ServerResponse | undefined;
  private failure: string | undefined;

  /** With a tenant, all events are of that one: what Lambda tells a function that isolates tenants. */
  constructor(private readonly tenant?: string) {}

  /** Listens on a free port of the loopback address; the result is what AWS_LAMBDA_RUNTIME_API holds. */
  async start(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.server.on("error", reject);
      this.server.listen(0, "127.0.0.1", resolve);
    });
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /**
   * Hands an event over as soon as the process asks for one; `timeout` in milliseconds is the deadline that it is told. A process
   * that is still silent some time after that is given up: Lambda would have ended it.
   */
  async invoke(event: unknown, timeout: number): Promise<Reply> {
    if (this.failure !== undefined) return { kind: "error", body: this.failure };
    const limit = setTimeout(() => {
      this.fail(`no answer within ${timeout / 1000} s`);
    }, timeout + GRACE);
    return new Promise<Reply>((settle) => {
      this.waiting.push({ id: randomUUID(), event: JSON.stringify(event), deadline: Date.now() + timeout, settle });
      this.deliver();
    }).finally(() => {
      clearTimeout(limit);
    });
  }

  /** Answers everything that waits with an error: the process is gone. */
  fail(reason: string): void {
    this.failure = reason;
    const open = [...(this.current === undefined ? [] : [this.current]), ...this.waiting.splice(0)];
    this.current = undefined;
    for (const invocation of open) invocation.settle({ kind: "error", body: reason });
  }

  /** Closes the port and all connections. */
  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
      this.server.closeAllConnections();
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? "";
    if (request.method === "GET" && url === `${PREFIX}/invocation/next`) {
      this.next = response;
      this.deliver();
      return;
    }
    const body = await text(request);
    const [, id, what] = /\/invocation\/([^/]+)\/(response|error)$/.exec(url) ?? [];
    if (request.method === "POST" && url === `${PREFIX}/init/error`) this.fail(body);
    else if (request.method !== "POST" || what === undefined || this.current?.id !== id) {
      response.writeHead(404).end(JSON.stringify({ errorMessage: `no invocation waits for ${url}` }));
      return;
    } else {
      const { settle } = this.current ?? {};
      this.current = undefined;
      settle?.({ kind: what === "response" ? "response" : "error", body });
    }
    response.writeHead(202, { "content-type": "application/json" }).end('{"status":"OK"}');
  }

  private deliver(): void {
    const response = this.next;
    if (response === undefined || this.current !== undefined) return;
    const invocation = this.waiting.shift();
    if (invocation === undefined) return;
    this.next = undefined;
    this.current = invocation;
    response
      .writeHead(200, {
        "content-type": "application/json",
        "lambda-runtime-aws-request-id": invocation.id,
        "lambda-runtime-deadline-ms": String(invocation.deadline),
        "lambda-runtime-invoked-function-arn": FUNCTION_ARN,
        "lambda-runtime-trace-id": "Root=1-00000000-000000000000000000000000;Sampled=0",
        ...(this.tenant === undefined ? {} : { "lambda-runtime-aws-tenant-id": this.tenant }),
      })
      .end(invocation.event);
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
