import { type TestContext, test } from 'node:test'
import type { Walk } from '../../../services/imaging/headers/header.ts'
import { walkInTurns } from '../../../services/imaging/pixel-claim.ts'
import { claimOf } from '../../support/images/pixel-claims.ts'

/** Keeps the processor busy for so long at each step. */
function* busyWalk(name: number, steps: number, stepMs: number, onStep: (name: number) => void): Walk<number> {
  for (let step = 0; step < steps; step++) {
    const end = performance.now() + stepMs
    while (performance.now() < end);
    onStep(name)
    yield
  }
  return name
}

test('many long walks block the event loop no longer than one', async (t: TestContext) => {
  const walksOfRound: Set<number>[] = [new Set()]
  let isOver = false
  const rounds = (async () => {
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve))
      walksOfRound.push(new Set())
    }
  })()
  const onStep = (name: number) => walksOfRound.at(-1)?.add(name)
  const walks = Array.from({ length: 8 }, (_, name) => walkInTurns(busyWalk(name, 25, 2, onStep), claimOf()))
  t.assert.deepStrictEqual(await Promise.all(walks), [0, 1, 2, 3, 4, 5, 6, 7])
  isOver = true
  await rounds
  t.assert.deepStrictEqual(
    walksOfRound.filter(({ size }) => size > 1),
    [],
  )
  t.assert.ok(walksOfRound.filter(({ size }) => size === 1).length >= 8 * 4)
})

test('a walk whose caller disconnected ends at its next turn', async (t: TestContext) => {
  const disconnected = new AbortController()
  let steps = 0
  const walk = walkInTurns(
    busyWalk(0, 10_000, 2, () => {
      steps++
      disconnected.abort()
    }),
    claimOf({ signal: disconnected.signal }),
  )
  await t.assert.rejects(walk, { code: 'IMG_ERR_CANCELLED' })
  t.assert.ok(steps < 20)
})
