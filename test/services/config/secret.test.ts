import { type TestContext, test } from 'node:test'
import { inspect } from 'node:util'
import { deepFreeze } from '../../../services/config/deep-freeze.ts'
import { Secret } from '../../../services/config/secret.ts'

test('a secret is shown by nothing but reveal', (t: TestContext) => {
  const secret = new Secret('hunter2', '/run/secrets/password')
  const shown = [`${secret}`, JSON.stringify({ secret }), inspect({ secret }, { showHidden: true, depth: null })]
  t.assert.doesNotMatch(shown.join(), /hunter2/)
  t.assert.deepEqual([secret.reveal(), secret.file], ['hunter2', '/run/secrets/password'])
})

test('deepFreeze freezes objects and lists at any depth, and leaves buffers alone', (t: TestContext) => {
  const value = deepFreeze({ list: [{ port: 80 }], digest: Buffer.from('x') })
  t.assert.throws(() => Object.assign(value.list[0] ?? {}, { port: 81 }), TypeError)
  t.assert.throws(() => Reflect.apply(Array.prototype.push, value.list, [1]), TypeError)
  t.assert.equal(value.digest.toString(), 'x')
})
