import assert from "node:assert/strict";
import { test } from "node:test";
import { PAUSE_MS, SaveQueue } from "../panel/save.js";

/** A clock turned by hand: `run()` lets the waiting action happen. */
function handClock() {
  const clock = { waiting: null, delays: [] };
  clock.after = (action, delayMs) => {
    clock.delays.push(delayMs);
    clock.waiting = action;
    return () => {
      if (clock.waiting === action) {
        clock.waiting = null;
      }
    };
  };
  clock.run = () => {
    const action = clock.waiting;
    clock.waiting = null;
    return action?.();
  };
  return clock;
}

function queueWith(outcomes) {
  const clock = handClock();
  const sent = { times: 0, release: null };
  const send = () => {
    sent.times += 1;
    const outcome = outcomes.shift();
    return typeof outcome === "function" ? outcome(sent) : Promise.resolve(outcome);
  };
  const queue = new SaveQueue({ send, after: clock.after });
  return { queue, clock, sent };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const held = (sent) => new Promise((resolve) => { sent.release = resolve; });

test("several changes within the pause are one save", async () => {
  const { queue, clock, sent } = queueWith(["saved"]);
  queue.touch();
  queue.touch();
  assert.equal(queue.phase, "waiting");
  assert.equal(clock.delays.at(-1), PAUSE_MS);
  clock.run();
  await settled();
  assert.equal(sent.times, 1);
  assert.equal(queue.phase, "idle");
  assert.equal(queue.unsaved, false);
});

test("leaving the field saves at once and only once", async () => {
  const { queue, clock, sent } = queueWith(["saved"]);
  queue.touch();
  queue.flush();
  queue.flush();
  assert.equal(clock.waiting, null);
  await settled();
  assert.equal(sent.times, 1);
});

test("nothing is sent when nothing has changed", () => {
  const { queue, sent } = queueWith([]);
  queue.flush();
  assert.equal(sent.times, 0);
});

test("a change during a save waits for it and is then sent", async () => {
  const { queue, clock, sent } = queueWith([held, "saved"]);
  queue.touch();
  queue.flush();
  queue.touch();
  queue.flush();
  assert.equal(sent.times, 1);
  assert.equal(queue.unsaved, true);
  sent.release("saved");
  await settled();
  clock.run();
  await settled();
  assert.equal(sent.times, 2);
  assert.equal(queue.unsaved, false);
});

test("without a line it retries later and later, up to half a minute", async () => {
  const { queue, clock } = queueWith(Array(8).fill("retry"));
  queue.touch();
  for (let attempt = 0; attempt < 8; attempt += 1) {
    clock.run();
    await settled();
    assert.equal(queue.phase, "retrying");
    assert.equal(queue.unsaved, true);
  }
  assert.deepEqual(clock.delays.slice(1), [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
});

test("when the line is back the document is sent at once", async () => {
  const { queue, clock, sent } = queueWith([...Array(5).fill("retry"), "saved"]);
  queue.touch();
  for (let attempt = 0; attempt < 5; attempt += 1) {
    clock.run();
    await settled();
  }
  queue.reconnect();
  await settled();
  assert.equal(sent.times, 6);
  assert.equal(queue.unsaved, false);
});

test("an attempt that began before the line came back is followed by another soon", async () => {
  const { queue, clock, sent } = queueWith([...Array(5).fill("retry"), held, "saved"]);
  queue.touch();
  for (let attempt = 0; attempt < 6; attempt += 1) {
    clock.run();
    await settled();
  }
  queue.reconnect();
  sent.release("retry");
  await settled();
  assert.equal(queue.retryInMs, 1000);
  clock.run();
  await settled();
  assert.equal(queue.unsaved, false);
});

test("the wait starts small again after a save", async () => {
  const { queue, clock } = queueWith(["retry", "saved", "retry"]);
  queue.touch();
  for (let step = 0; step < 2; step += 1) {
    clock.run();
    await settled();
  }
  queue.touch();
  clock.run();
  await settled();
  assert.equal(queue.retryInMs, 1000);
});

test("a send that throws counts as no line", async () => {
  const { queue, clock } = queueWith([() => Promise.reject(new Error("gone"))]);
  queue.touch();
  clock.run();
  await settled();
  assert.equal(queue.phase, "retrying");
});

test("a refused document waits for the next change instead of asking in a circle", async () => {
  const { queue, clock, sent } = queueWith(["hold", "saved"]);
  queue.touch();
  clock.run();
  await settled();
  assert.equal(queue.phase, "held");
  assert.equal(clock.waiting, null);
  assert.equal(queue.unsaved, true);
  queue.touch();
  clock.run();
  await settled();
  assert.equal(sent.times, 2);
  assert.equal(queue.unsaved, false);
});

test("after a stop nothing is sent until it is resumed, and nothing is forgotten", async () => {
  const { queue, clock, sent } = queueWith(["stop", "saved"]);
  queue.touch();
  clock.run();
  await settled();
  queue.touch();
  queue.flush();
  assert.equal(sent.times, 1);
  assert.equal(queue.unsaved, true);
  queue.resume();
  await settled();
  assert.equal(sent.times, 2);
  assert.equal(queue.phase, "idle");
});

test("a queue told to forget has nothing left to warn about", () => {
  const { queue, sent } = queueWith([]);
  queue.touch();
  queue.stop({ forget: true });
  queue.resume();
  assert.equal(queue.unsaved, false);
  assert.equal(sent.times, 0);
});
