/** The VPC that functions are attached to, and a pipelines server that runs elsewhere: which settings go together. */

/** A VPC of the account. Ids and not names, so that synthesis asks no account. */
export interface Network {
  readonly vpcId: string;
  /** Where the functions' network interfaces are: one subnet for each zone. */
  readonly subnetIds: readonly string[];
  /** Security groups of the functions. */
  readonly securityGroupIds: readonly string[];
  /** Route tables of the subnets, when the app makes the VPC endpoints. @default - it makes none */
  readonly routeTableIds?: readonly string[];
}

/** The settings as they were read, each valid by itself. */
export interface NetworkSettings {
  readonly vpcId?: string | undefined;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  readonly vpcEndpoints: boolean;
  readonly routeTableIds: readonly string[];
}

type Refuse = (key: string, value: unknown, allowed: string) => void;

/** Whether a text is an id of EC2 such as `vpc-0a1b2c3d4e5f60718`. */
export const isId =
  (prefix: "vpc" | "subnet" | "sg" | "rtb") =>
  (value: string): boolean =>
    new RegExp(`^${prefix}-([0-9a-f]{8}|[0-9a-f]{17})$`).test(value);

/** The network of the settings, if there is one; what does not go together is refused. */
export function network(settings: NetworkSettings, local: boolean, refuse: Refuse): Network | undefined {
  const { vpcId, subnetIds, securityGroupIds, vpcEndpoints, routeTableIds } = settings;
  if (vpcEndpoints && routeTableIds.length === 0) {
    refuse("routeTableIds", routeTableIds, "the route tables of subnetIds, because vpcEndpoints is true");
  }
  if (!vpcEndpoints && routeTableIds.length > 0) {
    refuse("routeTableIds", routeTableIds, "nothing, unless vpcEndpoints is true");
  }
  if (vpcId === undefined && subnetIds.length === 0 && securityGroupIds.length === 0) {
    if (vpcEndpoints) refuse("vpcEndpoints", true, "false, unless vpcId, subnetIds and securityGroupIds are given");
    return undefined;
  }
  const together = "vpcId, subnetIds and securityGroupIds together, or none of them";
  if (vpcId === undefined) refuse("vpcId", vpcId, together);
  if (subnetIds.length === 0) refuse("subnetIds", subnetIds, together);
  if (securityGroupIds.length === 0) refuse("securityGroupIds", securityGroupIds, together);
  if (local) refuse("vpcId", vpcId, "nothing with the stage local: there is no VPC on this machine");
  return vpcId === undefined
    ? undefined
    : { vpcId, subnetIds, securityGroupIds, ...(vpcEndpoints ? { routeTableIds } : {}) };
}

/** Whether a text is the address of a server, without the path: the server has its paths at the root. */
export function isServerAddress(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password, pathname, search, hash } = new URL(value);
  const bare = pathname === "/" && `${username}${password}${search}${hash}` === "";
  return ["http:", "https:"].includes(protocol) && bare;
}

/** Why an address in plain http would not be called. Whether a name leads into the networks shows at each connection. */
export function checkPlainHttp(
  address: string,
  inVpc: boolean,
  allowedNetworks: readonly string[],
  refuse: Refuse,
): void {
  if (new URL(address).protocol !== "http:" || (inVpc && allowedNetworks.length > 0)) return;
  refuse(
    "pipelinesEndpoint",
    address,
    "plain http only inside a VPC: give vpcId, subnetIds, securityGroupIds, and in allowedNetworks the range in which " +
      "the server is; or use https",
  );
}
