import axe, { type AxeResults } from 'axe-core'
import type { Frame, Page } from 'playwright-core'

/**
 * What people with a screen reader, a keyboard or weak eyes cannot use: the serious and critical findings of axe-core, one
 * line each, with the element.
 */
export async function accessibilityProblems(view: Page | Frame): Promise<string[]> {
  // By the debugger, so that the page's policy does not matter.
  await view.evaluate(axe.source)
  const options = JSON.stringify({ resultTypes: ['violations'], iframes: false })
  const { violations } = await view.evaluate<AxeResults>(`axe.run(document, ${options})`)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary}`))
}
