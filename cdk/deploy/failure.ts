/** Why a call to AWS failed, in the few ways that a check has to tell apart. */
import type { Finding } from "./finding";

export type Cause =
  | "no credentials"
  | "expired credentials"
  | "unknown credentials"
  | "denied"
  | "absent"
  | "throttled"
  | "unreachable"
  | "other";

/** A failed call. */
export interface Failure {
  readonly cause: Cause;
  /** Name of the error as AWS or the SDK gives it. */
  readonly name: string;
  readonly message: string;
}

/** Services do not agree on the names of the same errors. */
const NAMES: Readonly<Record<string, Cause>> = {
  CredentialsProviderError: "no credentials",
  ProviderError: "no credentials",
  TokenProviderError: "no credentials",
  ExpiredToken: "expired credentials",
  ExpiredTokenException: "expired credentials",
  RequestExpired: "expired credentials",
  InvalidClientTokenId: "unknown credentials",
  UnrecognizedClientException: "unknown credentials",
  InvalidSignatureException: "unknown credentials",
  SignatureDoesNotMatch: "unknown credentials",
  IncompleteSignature: "unknown credentials",
  AuthFailure: "unknown credentials",
  OptInRequired: "unknown credentials",
  AccessDenied: "denied",
  AccessDeniedException: "denied",
  UnauthorizedOperation: "denied",
  ParameterNotFound: "absent",
  ResourceNotFoundException: "absent",
  Throttling: "throttled",
  ThrottlingException: "throttled",
  TooManyRequestsException: "throttled",
  TimeoutError: "unreachable",
  AbortError: "unreachable",
};
/** What Node says when there was no conversation at all. */
const NETWORK = /^(E[A-Z]+|UND_ERR_[A-Z_]+|CERT_[A-Z_]+|[A-Z_]*_CERT[A-Z_]*)$/;

/** Finds out what an error of an AWS client means. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { cause: "other", name: "Error", message: String(error) };
  const { name } = error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  // Several addresses were tried: the error itself says nothing.
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : undefined;
  const message = (inner instanceof Error ? inner.message : error.message).trim();
  const known = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  if (known !== undefined) return { cause: known, name, message };
  if (NETWORK.test(code)) return { cause: "unreachable", name: code, message: message === "" ? code : message };
  return { cause: "other", name, message };
}

/** What to say of a check whose call failed for a reason that is none of its own. */
export function unanswered(subject: string, { cause, name, message }: Failure, permission: string): Finding {
  const unknown = (summary: string, ...advice: string[]): Finding => ({ state: "unknown", subject, summary, advice });
  switch (cause) {
    case "denied":
      return unknown(
        `these credentials may not ask: ${permission} is missing`,
        `To have it checked, allow ${permission} (docs/deploy.md has a policy for all checks).`,
      );
    case "unreachable":
      return unknown(`no answer (${message})`, "Run it again; if it stays, look at network, proxy and region.");
    case "throttled":
      return unknown("AWS is throttling the question", "Run it again in a minute.");
    case "no credentials":
    case "expired credentials":
    case "unknown credentials":
    case "absent":
    case "other":
      return unknown(`${permission} failed: ${name}: ${message.replace(/\.$/, "")}`);
  }
}
