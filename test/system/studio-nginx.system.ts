import { type TestContext, test } from 'node:test'
import { textsOf } from '../../web/texts/texts.ts'
import { openPage } from '../support/system/browser.ts'
import { startNginx } from '../support/system/nginx.ts'
import { startStudio } from '../support/system/studio.ts'
import { personAt } from '../support/system/studio-person.ts'

const { en: texts } = textsOf

/** As an operator adds a path prefix to the shipped configuration. */
const withPrefix = (conf: string) =>
  conf.replace(
    '    location / {',
    '    location /pictures/ {\n        rewrite ^/pictures(/.*)$ $1 break;\n        proxy_pass $image_editor;\n    }\n\n    location / {',
  )

for (const [what, prefix, change] of [
  ['the shipped Nginx', '', undefined],
  ['a path prefix', '/pictures', withPrefix],
] as const) {
  test(`behind ${what} the studio generates and shows images, and calls nothing beside its own path`, async (t: TestContext) => {
    const service = await startStudio(t, {
      TRUST_PROXY: '127.0.0.1',
      ALLOWED_HOSTS: 'localhost',
      MCP_API_KEYS: 'ann:key-of-ann-0123456789',
    })
    const proxy = await startNginx(t, service.url, change)
    const { page, problems, requests } = await openPage(t, { ignoreHTTPSErrors: true })
    const person = personAt({ page, view: page })
    await page.goto(`${proxy.httpsUrl}${prefix}/studio`)
    await page.getByRole('textbox', { name: texts.app.key.label }).fill('key-of-ann-0123456789')
    await person.press(texts.app.key.enter)
    await person.generate('a fox in a meadow')
    await person.openImage('a fox')
    await person.settled()
    t.assert.deepEqual(problems, [])
    const paths = new Set(
      requests.filter((each) => each.startsWith('http')).map((each) => each.slice(proxy.httpsUrl.length)),
    )
    t.assert.deepEqual([...paths].toSorted(), [`${prefix}/mcp`, `${prefix}/studio`])
    t.assert.equal(service.paidCalls(), 1)
    t.assert.ok(!(await proxy.logged()).includes('key-of-ann'), 'no log has the key')
  })
}
