import assert from "node:assert/strict";
import { BrokerUnavailable } from "../broker.ts";
import { GroupCommit } from "./group_commit.ts";

/** Commits that end when the test says so; an item is a number of bytes. */
function openGroups(): {
  readonly groups: GroupCommit<number, string>;
  /** What was committed so far. */
  readonly made: (readonly number[])[];
  /** Ends the commit that is under way, and lets the next one begin. */
  end(error?: Error): Promise<void>;
} {
  const made: (readonly number[])[] = [];
  let underWay = Promise.withResolvers<void>();
  const commit = async (items: readonly number[]) => {
    made.push(items);
    underWay = Promise.withResolvers<void>();
    await underWay.promise;
    return items.map((item) => `did ${item}`);
  };
  const bounds = { itemsMax: 3, bytesMax: 10 };
  return {
    groups: new GroupCommit({ commit, bytesOf: (item) => item, ...bounds }),
    made,
    end: async (error) => {
      if (error === undefined) underWay.resolve();
      else underWay.reject(error);
      await new Promise((resolve) => setTimeout(resolve));
    },
  };
}

Deno.test("a call that comes alone is made at once, and what comes meanwhile goes together", async () => {
  const { groups, made, end } = openGroups();
  const first = groups.add(1);
  assert.deepEqual(made, [[1]]);
  const others = [groups.add(2), groups.add(3)];
  assert.deepEqual(made, [[1]]);
  await end();
  assert.equal(await first, "did 1");
  assert.deepEqual(made, [[1], [2, 3]]);
  await end();
  assert.deepEqual(await Promise.all(others), ["did 2", "did 3"]);
});

Deno.test("a group has no more than its bounds, unless one alone has more", async () => {
  const { groups, made, end } = openGroups();
  const all = [0, 1, 1, 1, 1, 6, 4, 1, 11, 2].map((item) => groups.add(item));
  const expected = [[0], [1, 1, 1], [1, 6], [4, 1], [11], [2]];
  for (const group of expected) {
    assert.deepEqual(made.at(-1), group);
    await end();
  }
  assert.deepEqual(made, expected);
  await Promise.all(all);
});

Deno.test("where a group fails, what waits fails untouched, and the next call is made", async () => {
  const { groups, made, end } = openGroups();
  const failing = groups.add(1);
  const waiting = groups.add(2);
  const error = new BrokerUnavailable("full", "no room");
  const told = Promise.all([
    assert.rejects(failing, (thrown) => thrown === error),
    assert.rejects(waiting, { reason: "full", message: "no room", untouched: true }),
  ]);
  await end(error);
  await told;
  const next = groups.add(3);
  await end();
  assert.equal(await next, "did 3");
  assert.deepEqual(made, [[1], [3]]);
});
