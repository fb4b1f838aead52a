import type { DeploymentCard, Operation, Size } from './images-client.ts'

const onePixelBudget = 1024 * 1024

/** What tools need to know about a deployment. FLUX.1-Kontext-pro makes 1 megapixel, and 1024x1024 when it edits. */
export function deploymentCard(name: string, model: string): DeploymentCard {
  return {
    name,
    model,
    fitSize(operation: Operation, wish: Size): Size {
      if (operation === 'edit') return { width: 1024, height: 1024 }
      const scale = Math.min(1, Math.sqrt(onePixelBudget / (wish.width * wish.height)))
      const fit = (edge: number) => Math.max(256, Math.floor((edge * scale) / 16) * 16)
      return { width: fit(wish.width), height: fit(wish.height) }
    },
  }
}
