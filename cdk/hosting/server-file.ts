/** One entry of servers.yaml as it stands in the file. */
import type { Program } from "./server";

export interface StatementFile {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface RegistrationFile {
  readonly register?: boolean;
  readonly version?: string;
  readonly status?: "active" | "inactive" | "maintenance";
  readonly environment_argument?: string;
  readonly status_tool?: string;
  readonly read_only_tools?: readonly string[];
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface RemoteFile {
  readonly endpoint_url: string;
  readonly protocol_type?: "jsonrpc";
  readonly authentication_type?: "none" | "api_key" | "oauth" | "iam";
  readonly api_key_header?: string;
  readonly oauth?: {
    readonly token_url: string;
    readonly scope?: string;
    readonly audience?: string;
    readonly token_endpoint_auth_method?: "client_secret_basic" | "client_secret_post";
  };
  readonly signed_for?: { readonly service: string; readonly region: string };
  readonly health_check_url?: string;
}

/** The keys are explained in docs/hosting.md. */
export interface ServerFile {
  readonly name: string;
  readonly description: string;
  readonly enabled?: boolean;
  readonly deprecated?: string;
  readonly command?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly timeout?: number;
  readonly memory?: number;
  readonly ephemeral_storage?: number;
  readonly package?: string;
  readonly version?: string;
  readonly runtime?: Program["runtime"] | "image" | "remote";
  readonly script?: string;
  readonly with?: readonly string[];
  readonly system_packages?: readonly string[];
  readonly isolation?: "environment" | "caller" | "call";
  readonly aws_credentials?: boolean;
  readonly permissions?: readonly StatementFile[];
  readonly secrets?: readonly string[];
  readonly client_requests?: "refuse" | "rendezvous";
  readonly replay?: readonly string[];
  readonly roots?: readonly string[];
  readonly cwd?: string;
  readonly allowed_origins?: readonly string[];
  readonly start_timeout?: number;
  readonly architecture?: "arm64" | "x86_64";
  readonly reserved_concurrency?: number;
  readonly vpc?: boolean;
  readonly gateway?: "lambda" | "mcp_server" | "none";
  readonly function_url?: boolean;
  readonly registration?: RegistrationFile;
  readonly remote?: RemoteFile;
}
