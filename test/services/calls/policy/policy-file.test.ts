import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { InvalidFileError } from '../../../../services/azure/file-problems.ts'
import { callerName, describePolicy, rulesFor } from '../../../../services/calls/policy/policy.ts'
import { parsePolicy, policyWarnings, readPolicyFile } from '../../../../services/calls/policy/policy-file.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

function problemsOf(json: unknown, missing?: string): readonly string[] {
  try {
    parsePolicy(json, missing)
    return []
  } catch (error) {
    if (error instanceof InvalidFileError) return error.problems
    throw error
  }
}

test('every mistake of a file is named at once, by the rule that has it', (t: TestContext) => {
  const rules = [
    { name: 'a', max_n: 0, qualitys: ['low'] },
    { name: 'a', callers: [] },
    { usd_per_day: -1 },
    { name: 'rule-3' },
    { name: 'default' },
    { name: 'has space' },
    'text',
  ]
  t.assert.deepStrictEqual(problemsOf({ mode: 'off', rules }), [
    'mode must be one of enforce, observe',
    'a: max_n must be a whole number from 1 to 10',
    'a: qualitys is unknown; did you mean qualities?',
    'a: callers must be a list of 1 to 1000 entries, each text of 1 to 256 characters',
    'rule-3: usd_per_day must be US dollars, a number from 0 to 1000000000',
    'has space: name must be 1 to 64 letters, digits, dots, dashes and underscores',
    'rule-7: must be an object',
    'the name a is used twice',
    'the name rule-3 is used twice',
    'the name default is that of IMAGES_PER_DAY',
  ])
  for (const json of [null, [], 'rules', 5, {}]) t.assert.notDeepEqual(problemsOf(json), [], JSON.stringify(json))
})

test('a rule without a name has one by its place, and rules are enforced by default', (t: TestContext) => {
  const { isEnforced, rules } = parsePolicy({ rules: [{ name: 'first' }, { max_n: 2 }] })
  t.assert.ok(isEnforced)
  t.assert.deepStrictEqual(rules, [{ name: 'first' }, { max_n: 2, name: 'rule-2' }])
  t.assert.strictEqual(parsePolicy({ mode: 'observe', rules: [] }).isEnforced, false)
})

test('rules that count need a database', (t: TestContext) => {
  for (const member of ['usd_per_day', 'usd_per_month', 'images_per_day', 'confirm_above_usd']) {
    const [problem] = problemsOf({ rules: [{ name: 'team', [member]: 5 }] }, 'set LIBRARY=on')
    t.assert.strictEqual(problem, 'team counts money or images: set LIBRARY=on', member)
  }
  t.assert.deepStrictEqual(problemsOf({ rules: [{ max_n: 1, max_pixels: 1, models: ['x'] }] }, 'set LIBRARY=on'), [])
})

test('rules apply to the names of keys, the subjects of tokens, and to anonymous clients', (t: TestContext) => {
  const policy = parsePolicy({
    rules: [
      { name: 'all' },
      { name: 'team', callers: ['ann', 'team-*'] },
      { name: 'tokens', callers: ['*@example.com'] },
      { name: 'guests', callers: ['anonymous'] },
    ],
  })
  const named = (id: string, isAnonymous = false) => rulesFor(policy, { id, isAnonymous }).map(({ name }) => name)
  t.assert.deepStrictEqual(named('key:ann'), ['all', 'team'])
  t.assert.deepStrictEqual(named('key:team-b'), ['all', 'team'])
  t.assert.deepStrictEqual(named('subject:https://issuer.example.com/#bob@example.com'), ['all', 'tokens'])
  t.assert.deepStrictEqual(named('address:203.0.113.7', true), ['all', 'guests'])
  t.assert.deepStrictEqual(named('stdio'), ['all', 'guests'])
  t.assert.deepStrictEqual(named('key:other'), ['all'])
  t.assert.strictEqual(callerName({ id: 'subject:https://i#a#b', isAnonymous: false }), 'a#b')
})

test('rules that name nothing that is there are warned of', (t: TestContext) => {
  const policy = parsePolicy({ rules: [{ models: ['GPT-Image-2', 'flux.2-pr'], qualities: ['LOW', 'medum'] }] })
  const known = { names: ['main', 'gpt-image-2', 'FLUX.2-pro'], qualities: ['low', 'medium'] }
  t.assert.deepStrictEqual(policyWarnings(policy, known), [
    'POLICY_FILE: rule-1: no deployment has "flux.2-pr" among its models; did you mean FLUX.2-pro?',
    'POLICY_FILE: rule-1: no deployment has "medum" among its qualities; did you mean medium?',
  ])
})

test('rules are described in one line each', (t: TestContext) => {
  const policy = parsePolicy({ mode: 'observe', rules: [{ name: 'team', callers: ['a', 'b'], usd_per_day: 5 }, {}] })
  t.assert.deepStrictEqual(describePolicy(policy), [
    'rule team (observed only): callers a, b; usd_per_day 5',
    'rule rule-2 (observed only): no limits',
  ])
})

test('a file may have a byte order mark, as editors on Windows write it', async (t: TestContext) => {
  const path = join(await temporaryFolder(t), 'policy.json')
  await writeFile(path, '\uFEFF{"rules": []}')
  t.assert.deepStrictEqual(readPolicyFile(path).rules, [])
})

test('a rule with a budget and without a name is reported: its spending follows its position', (t: TestContext) => {
  const known = { names: [], qualities: [] }
  const named = { name: 'a', usd_per_day: 1 }
  t.assert.deepStrictEqual(
    policyWarnings(parsePolicy({ rules: [named, { max_n: 1 }, { confirm_above_usd: 1 }] }), known),
    [],
  )
  const policy = parsePolicy({
    rules: [named, { usd_per_month: 1 }, { images_per_day: 1 }, { name: 'rule-4', usd_per_day: 1 }],
  })
  t.assert.deepStrictEqual(policy.unnamed, ['rule-2', 'rule-3'])
  t.assert.match(
    policyWarnings(policy, known)[0] ?? '',
    /^POLICY_FILE: rule-2, rule-3 have a budget and no name; .+ give it a name$/,
  )
})
