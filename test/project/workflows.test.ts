import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { parse } from 'yaml'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const packageJson = JSON.parse(read('package.json'))

interface Job {
  permissions?: Record<string, string>
  steps: { uses?: string; run?: string }[]
}

const workflows = ['checks.yml', 'release.yml'].map((name) => {
  const { jobs, permissions } = parse(read(`.github/workflows/${name}`))
  return { name, permissions, jobs: Object.values<Job>(jobs) }
})

describe('the workflows', () => {
  test('run scripts and files that exist', (t: TestContext) => {
    for (const { name, jobs } of workflows) {
      for (const run of jobs.flatMap(({ steps }) => steps.map((step) => step.run ?? ''))) {
        for (const [, script = ''] of run.matchAll(/npm run (?:--silent )?([\w:]+)/g)) {
          t.assert.ok(script in packageJson.scripts, `${name}: npm run ${script}`)
        }
        for (const [, file = ''] of run.matchAll(/(?:node |^)((?:scripts|\.ci)\/[\w./-]+)/g)) {
          t.assert.ok(existsSync(join(root, file)), `${name}: ${file}`)
        }
      }
    }
  })

  test('may only read, except in jobs that say what they write', (t: TestContext) => {
    for (const { name, permissions } of workflows) t.assert.deepEqual(permissions, { contents: 'read' }, name)
  })

  test('know no secret but their own token', (t: TestContext) => {
    for (const { name } of workflows) t.assert.doesNotMatch(read(`.github/workflows/${name}`), /\bsecrets\./, name)
  })
})

test('a release changes every version that release automation can change', (t: TestContext) => {
  const manifest = JSON.parse(read('.release-please-manifest.json'))
  t.assert.equal(manifest['.'], packageJson.version)
  const { packages } = JSON.parse(read('release-please-config.json'))
  const overlays = ['single', 'scaled'].map((name) => `deploy/kubernetes/overlays/${name}/kustomization.yaml`)
  const files = packages['.']['extra-files'].map((file: string | { path: string }) =>
    typeof file === 'string' ? file : file.path,
  )
  t.assert.deepEqual(files, ['Dockerfile', ...overlays])
  for (const file of files) {
    t.assert.match(
      read(file),
      new RegExp(`x-release-please-start-version\\n.*${packageJson.version}\\n.*x-release-please-end`),
      file,
    )
  }
})
