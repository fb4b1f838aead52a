import { describe, type TestContext, test } from 'node:test'
import type { Model, Operation } from '../../schemas/models.ts'
import { modelTable } from '../../services/azure/models/table.ts'
import { fitSize } from '../../services/parameters/size-fitting.ts'
import { checkSize, models as simulated } from '../../simulator/models.ts'

/** The simulator has its own table on purpose. These tests say what is missing in it, and where the two disagree. */

function simulatedModel(id: string) {
  const found = simulated.find((model) => model.id === id)
  if (found !== undefined) return found
  throw new Error(
    `simulator/models.ts lacks ${id}. Add { id: '${id}', … } to "models", with the limits from Microsoft's documentation ` +
      'instead of those of services/azure/models/table.ts, so that a mistake in one table shows in the other.',
  )
}

const routeOf: Readonly<Record<Operation, string>> = { generate: 'generations', edit: 'edits' }

const targets = [300, 640, 1000, 1024, 1536, 2000, 4096].flatMap((width) =>
  [300, 768, 1024, 1500, 2160, 4096].map((height) => ({ width, height })),
)

function sizesOf(model: Model): { width: number; height: number }[] {
  const rules = [
    ...(model.operations.includes('generate') ? [model.generateSize] : []),
    ...(model.operations.includes('edit') ? [model.editSize] : []),
  ]
  return rules.filter(({ kind }) => kind !== 'none').flatMap((rule) => targets.map((target) => fitSize(rule, target)))
}

describe('the simulator plays every model of the table', () => {
  for (const model of modelTable) {
    test(`${model.id}: routes and operations`, (t: TestContext) => {
      const { dialects, operations } = simulatedModel(model.id)
      t.assert.deepEqual(dialects.toSorted(), model.dialects.toSorted())
      t.assert.deepEqual(operations.toSorted(), model.operations.map((operation) => routeOf[operation]).toSorted())
    })

    test(`${model.id}: sizes, images and arguments`, (t: TestContext) => {
      const other = simulatedModel(model.id)
      for (const size of sizesOf(model)) t.assert.deepEqual(checkSize(other.size, size), size)
      if (model.operations.includes('edit')) t.assert.equal(other.maxImages, model.maxImages)
      t.assert.deepEqual(other.qualities ?? [], model.qualities)
      // Sources disagree about newer models, so the service does not send it.
      if (model.inputFidelities.length > 0) t.assert.equal(other.inputFidelity, true)
      t.assert.equal(other.grounding ?? false, model.grounding)
      t.assert.equal(other.steps ?? false, model.steps !== undefined)
      t.assert.ok(other.maxPromptChars >= model.maxPromptCharacters)
      if (model.dialects.includes('bfl')) t.assert.equal(other.providerPath, model.providerPath)
    })
  }

  test('and no other', (t: TestContext) => {
    const known = new Set(modelTable.map(({ id }) => id))
    t.assert.deepEqual(
      simulated.map(({ id }) => id).filter((id) => !known.has(id)),
      [],
    )
  })
})
