import type { TestEvent } from 'node:test/reporters'

/** A reporter for `node --test`: one line of JSON for each test. */
export default async function* reportResults(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const { name, skip, todo } = data
    const hasPassed = type === 'test:pass' && skip === undefined && todo === undefined
    yield `${JSON.stringify({ name, hasPassed })}\n`
  }
}
