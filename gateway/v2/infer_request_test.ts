import fc from "fast-check";
import assert from "node:assert/strict";
import { parseInferRequest } from "./infer_request.ts";

const IMAGE = { name: "image", datatype: "BYTES", shape: [1] };
const INPUT = { ...IMAGE, data: ["AAAA"] };

function bytesOf(json: unknown, rest: readonly number[] = []): [Uint8Array, number] {
  const head = new TextEncoder().encode(JSON.stringify(json));
  return [Uint8Array.from([...head, ...rest]), head.length];
}

function detailOf(...body: Parameters<typeof parseInferRequest>): string {
  const read = parseInferRequest(...body);
  assert(!read.ok);
  assert.equal(read.code, "invalid_request");
  return read.detail;
}

Deno.test("a request of JSON alone is taken apart", () => {
  const [body] = bytesOf({ inputs: [INPUT] });
  assert.deepEqual(parseInferRequest(body), {
    ok: true,
    value: {
      id: undefined,
      top: undefined,
      timeoutMs: undefined,
      input: INPUT,
      outputs: [],
      binary: false,
    },
  });
});

Deno.test("bytes behind the JSON are the input's data", () => {
  const input = { ...IMAGE, parameters: { binary_data_size: 3 } };
  const read = parseInferRequest(...bytesOf({ inputs: [input] }, [7, 8, 9]));
  assert(read.ok);
  assert.deepEqual(read.value.input, { ...IMAGE, data: Uint8Array.of(7, 8, 9) });
});

Deno.test("parameters, id and outputs are read; an output's own form goes before the common one", () => {
  const outputs = [
    { name: "probabilities", parameters: { binary_data: false } },
    { name: "labels" },
  ];
  const parameters = { top: 3, timeout: 1_500_001, binary_data_output: true };
  const read = parseInferRequest(...bytesOf({ id: "a", parameters, inputs: [INPUT], outputs }));
  assert(read.ok);
  assert.deepEqual(read.value, {
    id: "a",
    top: 3,
    timeoutMs: 1501,
    input: INPUT,
    outputs: [{ name: "probabilities", binary: false }, { name: "labels", binary: true }],
    binary: true,
  });
  const none = parseInferRequest(
    ...bytesOf({ inputs: [INPUT], outputs: [], parameters: { timeout: 0 } }),
  );
  assert(none.ok);
  assert.equal(none.value.timeoutMs, undefined);
  assert.deepEqual(none.value.outputs, []);
});

const sized = (binary_data_size: unknown) => ({ ...IMAGE, parameters: { binary_data_size } });

const faults: [title: string, json: unknown, rest: number[], detail: RegExp][] = [
  ["no inputs", { inputs: [] }, [], /"inputs": expected one input$/],
  ["two inputs", { inputs: [INPUT, INPUT] }, [], /"inputs": expected one input$/],
  ["no object", [], [], /expected object/],
  ["another input", { inputs: [{ ...INPUT, name: "x" }] }, [], /"inputs\.0\.name": .*"tensor"/],
  ["no data", { inputs: [IMAGE] }, [], /needs either "data" or the parameter "binary_data_size"$/],
  [
    "both data",
    { inputs: [{ ...sized(1), data: [] }] },
    [1],
    /needs either "data" or the parameter "binary_data_size"$/,
  ],
  ["too few bytes", { inputs: [sized(4)] }, [1], /: 4 bytes should follow the JSON, 1 do$/],
  [
    "too many bytes",
    { inputs: [sized(4)] },
    [1, 2, 3, 4, 5],
    /4 bytes should follow the JSON, 5 do$/,
  ],
  ["bytes unannounced", { inputs: [INPUT] }, [1], /: 0 bytes should follow the JSON, 1 do$/],
  ["a negative size", { inputs: [sized(-1)] }, [], /"inputs\.0\.parameters\.binary_data_size"/],
  ["half a byte", { inputs: [sized(0.5)] }, [], /"inputs\.0\.parameters\.binary_data_size"/],
  ["a negative shape", { inputs: [{ ...INPUT, shape: [-1] }] }, [], /"inputs\.0\.shape\.0"/],
  ["a huge shape", { inputs: [{ ...INPUT, shape: [1e300] }] }, [], /"inputs\.0\.shape\.0"/],
  ["data no array", { inputs: [{ ...INPUT, data: "AAAA" }] }, [], /"inputs\.0\.data": expected/],
  ["top 0", { inputs: [INPUT], parameters: { top: 0 } }, [], /"parameters\.top"/],
  ["top 101", { inputs: [INPUT], parameters: { top: 101 } }, [], /"parameters\.top"/],
  [
    "an unknown parameter",
    { inputs: [INPUT], parameters: { sequence_id: 1 } },
    [],
    /"sequence_id" is unknown, the known parameters are "top", "timeout", "binary_data_output"$/,
  ],
  [
    "an output's unknown parameter",
    { inputs: [INPUT], outputs: [{ name: "labels", parameters: { classification: 2 } }] },
    [],
    /"outputs\.0\.parameters": "classification" is unknown, the known parameters are "binary_data"$/,
  ],
  [
    "an output twice",
    { inputs: [INPUT], outputs: [{ name: "labels" }, { name: "labels" }] },
    [],
    /"outputs": an output is asked for twice$/,
  ],
  ["another output", { inputs: [INPUT], outputs: [{ name: "x" }] }, [], /"outputs\.0\.name"/],
];

for (const [title, json, rest, detail] of faults) {
  Deno.test(`a request with ${title} is refused`, () => {
    assert.match(detailOf(...bytesOf(json, rest)), detail);
  });
}

Deno.test("what is no JSON, or not as long as it is said to be, is refused", () => {
  assert.equal(detailOf(new Uint8Array()), "read inference request: it is not JSON");
  assert.equal(detailOf(Uint8Array.of(0x22, 0xff, 0x22)), "read inference request: it is not JSON");
  const [body, length] = bytesOf({ inputs: [INPUT] });
  assert.match(detailOf(body, length - 1), /: it is not JSON$/);
  assert.equal(
    detailOf(body, length + 1),
    `read inference request: its JSON should have ${length + 1} bytes, the body has ${length}`,
  );
});

Deno.test("any request is read or refused, with its data in one form", () => {
  const shape = fc.array(fc.oneof(fc.nat(3), fc.double(), fc.integer()), { maxLength: 4 });
  const parameters = fc.option(
    fc.record({ binary_data_size: fc.oneof(fc.nat(9), fc.anything()) }, { requiredKeys: [] }),
    { nil: undefined },
  );
  const input = fc.record({
    name: fc.constantFrom("image", "tensor", "other"),
    datatype: fc.constantFrom("BYTES", "FP32", "INT8"),
    shape,
    parameters,
    data: fc.option(fc.array(fc.jsonValue()), { nil: undefined }),
  }, { requiredKeys: ["name", "datatype"] });
  const request = fc.record({
    id: fc.string(),
    inputs: fc.array(input, { minLength: 1, maxLength: 2 }),
    outputs: fc.oneof(fc.jsonValue(), fc.constant([{ name: "labels" }])),
  }, { requiredKeys: ["inputs"] });
  fc.assert(
    fc.property(request, fc.uint8Array({ maxLength: 9 }), fc.integer(), (json, rest, off) => {
      const [body, length] = bytesOf(json, [...rest]);
      const sent = JSON.parse(JSON.stringify(json));
      for (const jsonBytes of [undefined, length, Math.abs(off)]) {
        const read = parseInferRequest(body, jsonBytes);
        if (!read.ok) {
          assert.equal(read.code, "invalid_request");
          continue;
        }
        const { data } = read.value.input;
        const size = sent.inputs[0].parameters?.binary_data_size;
        assert.equal(Array.isArray(data) ? undefined : data.length, size);
      }
    }),
    { numRuns: 500 },
  );
});
