/**
 * The system's package manager: what installs a missing program here.
 *
 * Owns the package names and the commands of each system. Never asks for a password:
 * it installs unattended on Debian and its children as root, and elsewhere gives the sentence
 * that a person can act on.
 * Invariant: an install starts no service that the package brings.
 *
 * @module
 */
import { join } from "node:path";
import { lastWords, type Programs } from "./programs.ts";
import type { Progress } from "./progress.ts";

/** What set-up may need from the system. */
export type Tool = "redis-server" | "g++" | "pip" | "chromium" | "promtool";

interface PackageManager {
  readonly program: string;
  /** What a person types before the package names. */
  readonly command: string;
  readonly packages: Readonly<Record<Tool, string>>;
}

/** In order of search; Homebrew first, for it is never there by accident. */
const MANAGERS: readonly PackageManager[] = [
  {
    program: "brew",
    command: "brew install",
    packages: {
      "redis-server": "redis",
      "g++": "gcc",
      "pip": "python",
      "chromium": "chromium",
      "promtool": "prometheus",
    },
  },
  {
    program: "apt-get",
    command: "sudo apt-get install",
    packages: {
      "redis-server": "redis-server",
      "g++": "g++",
      "pip": "python3-pip",
      "chromium": "chromium",
      "promtool": "prometheus",
    },
  },
  {
    program: "dnf",
    command: "sudo dnf install",
    packages: {
      "redis-server": "valkey",
      "g++": "gcc-c++",
      "pip": "python3-pip",
      "chromium": "chromium",
      "promtool": "golang-github-prometheus",
    },
  },
  {
    program: "apk",
    command: "sudo apk add",
    packages: {
      "redis-server": "redis",
      "g++": "g++",
      "pip": "py3-pip",
      "chromium": "chromium",
      "promtool": "prometheus",
    },
  },
  {
    program: "pacman",
    command: "sudo pacman -S",
    packages: {
      "redis-server": "valkey",
      "g++": "gcc",
      "pip": "python-pip",
      "chromium": "chromium",
      "promtool": "prometheus",
    },
  },
];

/** Where Debian's package scripts look for programs, after the folder of stand-ins. */
const DPKG_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** With these as empty programs, a package's script cannot start the service it brings. */
const SERVICE_STARTERS = ["invoke-rc.d", "deb-systemd-invoke"];
const APT_LOCK_WAIT_S = 120;

export interface SystemPackagesOptions {
  readonly programs: Programs;
  readonly progress: Progress;
  /** For short-lived files. */
  readonly folder: string;
  /** The user's number; 0 is root. */
  readonly userId: number | null;
  readonly signal: AbortSignal;
}

/** Installs programs, or says how to. */
export class SystemPackages {
  readonly #options: SystemPackagesOptions;
  #listsUpdated = false;

  constructor(options: SystemPackagesOptions) {
    this.#options = options;
  }

  /**
   * Installs what is named, where that can run unattended.
   *
   * @returns Nothing when done, else one sentence that says what a person can do.
   */
  async install(tools: readonly Tool[]): Promise<string | undefined> {
    const manager = await this.#manager();
    if (manager === undefined) {
      return `install ${tools.join(" and ")} with the package manager of this system`;
    }
    const names = tools.map((tool) => manager.packages[tool]);
    const advice = `install ${tools.join(" and ")} with \`${manager.command} ${names.join(" ")}\``;
    if (manager.program !== "apt-get" || this.#options.userId !== 0) return advice;
    this.#options.progress.line(`installing ${names.join(" and ")} with apt-get`);
    const fault = await this.#aptInstall(manager.path, names);
    return fault === undefined ? undefined : `${advice} (apt-get failed: ${fault})`;
  }

  async #manager(): Promise<PackageManager & { path: string } | undefined> {
    for (const manager of MANAGERS) {
      const path = await this.#options.programs.find(manager.program);
      if (path !== undefined) return { ...manager, path };
    }
    return undefined;
  }

  async #aptInstall(apt: string, names: readonly string[]): Promise<string | undefined> {
    // One unreachable source of many must not stop what the others offer: only the install counts.
    if (!this.#listsUpdated) await this.#apt(apt, ["update"]);
    this.#listsUpdated = true;
    await Deno.mkdir(this.#options.folder, { recursive: true });
    const standIns = await Deno.makeTempDir({ dir: this.#options.folder });
    try {
      for (const name of SERVICE_STARTERS) {
        await Deno.writeTextFile(join(standIns, name), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
      }
      const run = await this.#apt(apt, [
        "install",
        "--yes",
        "--no-install-recommends",
        "-o",
        `DPkg::Path=${standIns}:${DPKG_PATH}`,
        ...names,
      ]);
      return run.ok ? undefined : lastWords(run);
    } finally {
      await Deno.remove(standIns, { recursive: true });
    }
  }

  #apt(apt: string, args: readonly string[]): ReturnType<Programs["run"]> {
    const { programs, signal } = this.#options;
    return programs.run(apt, [
      "--quiet",
      "-o",
      `DPkg::Lock::Timeout=${APT_LOCK_WAIT_S}`,
      ...args,
    ], { signal, env: { DEBIAN_FRONTEND: "noninteractive" } });
  }
}
