import type { TestEvent } from 'node:test/reporters'

type Coverage = Extract<TestEvent, { type: 'test:coverage' }>['data']['summary']

/** What `failedFiles` yields when too little is covered. */
export const COVERAGE = 'coverage'

/** A reporter of `node:test`: the files with failures, one on each line. */
export default async function* failedFiles(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const failed = new Set<string>()
  for await (const { type, data } of events) {
    if (type === 'test:fail' && data.file !== undefined) failed.add(data.file)
    if (type === 'test:coverage' && !isEnough(data.summary)) failed.add(COVERAGE)
  }
  yield [...failed].join('\n')
}

function isEnough({ totals, thresholds }: Coverage): boolean {
  return (
    totals.coveredLinePercent >= thresholds.line &&
    totals.coveredBranchPercent >= thresholds.branch &&
    totals.coveredFunctionPercent >= thresholds.function
  )
}
