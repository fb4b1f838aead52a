import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Harness, openHarness, type SubjectName } from './harness.ts'
import { formatRow, formatTable, type Result } from './table.ts'
import type { Effort, Workload } from './workload.ts'
import { downloadWorkloads } from './workloads/downloads.ts'
import { imageWorkloads } from './workloads/images.ts'
import { benchmarkJobs, JOBS_NAME } from './workloads/jobs.ts'
import { latencyWorkloads } from './workloads/latency.ts'
import { listWorkloads } from './workloads/lists.ts'
import { memoryWorkloads } from './workloads/memory.ts'
import { benchmarkRecords, RECORDS_NAME } from './workloads/records.ts'
import { benchmarkSharedCalls, SHARED_CALLS_NAME } from './workloads/shared-calls.ts'

/** `npm run bench`: the service, its floors and a peer, given the same work in turn. Needs Linux. */

const usage = `Usage: npm run bench -- [--only <text>] [--rounds <n>] [--scale <n>] [--smoke] [--no-pin]
                        [--profile <folder>]

  --only <text>   only workloads whose name contains the text; may be repeated
  --rounds <n>    measured rounds, 5 by default
  --scale <n>     multiplies the calls and times of a round, 1 by default
  --smoke         a little of everything: checks the responses; its figures mean nothing
  --no-pin        do not bind the measured server to one processor
  --profile <folder>
                  writes a CPU profile of each server there, which distorts the figures
`

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    smoke: { type: 'boolean', default: false },
    pin: { type: 'boolean', default: true },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
  allowNegative: true,
})

const workloads = [...listWorkloads, ...imageWorkloads, ...downloadWorkloads, ...memoryWorkloads, ...latencyWorkloads]

async function main(): Promise<void> {
  if (values.help) return say(usage)
  if (process.platform !== 'linux') throw new Error('the benchmark reads /proc, so it needs Linux')
  const isChosen = (name: string) => values.only.length === 0 || values.only.some((text) => name.includes(text))
  const chosen = workloads.filter(({ name }) => isChosen(name))
  const effort = { scale: values.smoke ? 0.02 : Number(values.scale) }
  const rounds = values.smoke ? 1 : Number(values.rounds)
  // A test has not built `dist/`; figures are those of the code that is shipped.
  const serviceEntry = values.smoke ? 'server.ts' : 'dist/server.js'
  const harness = await openHarness({
    serviceEntry,
    pin: values.pin && !values.smoke,
    warmUpCalls: values.smoke ? 2 : 500,
    nodeOptions: values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(values.profile)}`],
  })
  try {
    const results: Result[] = []
    for (const workload of chosen) {
      const result = await run(harness, workload, rounds, effort)
      results.push(result)
      process.stderr.write(`${results.length}/${chosen.length} ${formatRow(result).join('  ')}\n`)
    }
    say(formatTable(results))
    if (isChosen(RECORDS_NAME)) await benchmarkRecords(effort, say)
    if (isChosen(JOBS_NAME)) await benchmarkJobs(serviceEntry, effort, say)
    if (isChosen(SHARED_CALLS_NAME)) await benchmarkSharedCalls(serviceEntry, effort, say)
  } finally {
    await harness.close()
  }
}

/** Servers take turns within a round, so that other load on the machine affects all of them alike. */
async function run(harness: Harness, workload: Workload, rounds: number, effort: Effort): Promise<Result> {
  const result = { workload, floor: [] as number[], service: [] as number[], peer: [] as number[] }
  const turns: [SubjectName | undefined, number[]][] = [
    [workload.floor, result.floor],
    [workload.service, result.service],
    [workload.peer, result.peer],
  ]
  const warmUps = values.smoke ? 0 : workload.warmUps
  for (let round = -warmUps; round < rounds; round++) {
    for (const [name, numbers] of turns) {
      if (name === undefined) continue
      const value = await workload.measure(harness, name, effort)
      if (round >= 0) numbers.push(value)
    }
  }
  return result
}

function say(text: string): void {
  process.stdout.write(text)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
await main()
