/**
 * Where Redis is: one server, a master that sentinels know, or a cluster.
 *
 * Pure: reads an address, opens nothing. What an address may look like:
 *
 * ```text
 * redis://[user:password@]host[:port][/db]
 * redis-sentinel://[user:password@]host[:port],host[:port],…/name[/db][?sentinel=user:password]
 * redis-cluster://[user:password@]host[:port],host[:port],…
 * ```
 *
 * and with `rediss` instead of `redis` the same, encrypted.
 *
 * @module
 */

/** Where one server listens. */
export interface Node {
  readonly host: string;
  readonly port: number;
}

/** Names and password of an ACL user; either may be missing. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
}

interface Common {
  readonly credentials: Credentials;
  /** Whether connections are encrypted. */
  readonly tls: boolean;
}

export type RedisAddress =
  & Common
  & (
    | { readonly kind: "single"; readonly node: Node; readonly db: number }
    | {
      readonly kind: "sentinel";
      readonly sentinels: readonly Node[];
      /** Those of the sentinels themselves, which have users of their own. */
      readonly sentinelCredentials: Credentials;
      /** Name under which the sentinels know the master. */
      readonly master: string;
      readonly db: number;
    }
    | { readonly kind: "cluster"; readonly nodes: readonly Node[] }
  );

/** How an address may begin, for whoever wrote another. */
export const ADDRESS_FORMS = "redis://, rediss://, redis-sentinel:// or redis-cluster://";

const ADDRESS =
  /^redis(?<tls>s?)(?:-(?<kind>sentinel|cluster))?:\/\/(?:(?<user>[^@/]*)@)?(?<hosts>[^@/]+)(?:\/(?<path>[^?]*)(?:\?sentinel=(?<sentinelUser>[^&]*))?)?$/;

const PORTS = { single: 6379, sentinel: 26379, cluster: 6379 } as const;

/** Reads an address; undefined where it is none. */
export function parseRedisAddress(text: string): RedisAddress | undefined {
  const { tls, kind = "single", user = "", hosts, path = "", sentinelUser } =
    ADDRESS.exec(text)?.groups ?? {};
  if (hosts === undefined || (kind !== "sentinel" && sentinelUser !== undefined)) return undefined;
  const nodes = hosts.split(",").map((host) => parseNode(host, PORTS[kind as keyof typeof PORTS]));
  const credentials = parseCredentials(user);
  if (credentials === undefined || !nodes.every((node) => node !== undefined)) return undefined;
  const common = { credentials, tls: tls === "s" };
  if (kind === "cluster") return path === "" ? { ...common, kind, nodes } : undefined;
  if (kind === "sentinel") {
    const [master = "", ...rest] = path.split("/");
    const db = parseDb(rest.join("/"));
    const sentinelCredentials = parseCredentials(sentinelUser ?? "");
    if (master === "" || db === undefined || sentinelCredentials === undefined) return undefined;
    return { ...common, kind, sentinels: nodes, sentinelCredentials, master, db };
  }
  const db = parseDb(path);
  if (nodes.length > 1 || db === undefined) return undefined;
  return { ...common, kind: "single", node: nodes[0]!, db };
}

function parseNode(text: string, defaultPort: number): Node | undefined {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const number = Number(port ?? defaultPort);
  if (host === undefined || number < 1 || number > 65_535) return undefined;
  return { host: host.replaceAll(/[[\]]/g, ""), port: number };
}

function parseDb(text: string): number | undefined {
  if (text === "") return 0;
  return /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}

/** Percent-encoded, so that a password may hold any character. */
function parseCredentials(text: string): Credentials | undefined {
  const colon = text.indexOf(":");
  try {
    const username = decodeURIComponent(colon < 0 ? text : text.slice(0, colon));
    const password = decodeURIComponent(colon < 0 ? "" : text.slice(colon + 1));
    return { ...(username !== "" && { username }), ...(password !== "" && { password }) };
  } catch {
    return undefined;
  }
}
