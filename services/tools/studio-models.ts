import type { Model, Operation } from '../../schemas/models.ts'
import type { StudioModel, StudioOperation } from '../../schemas/studio.ts'
import type { DeploymentInfo } from '../azure/types.ts'
import { formatSize } from '../imaging/size.ts'
import type { Size } from '../imaging/types.ts'
import { isAllowed } from '../parameters/arguments.ts'
import { commonSizes, sizeFor, sizeRuleOf } from '../parameters/size.ts'
import { promptLimit } from './arguments.ts'

/**
 * What the studio lets people choose of a model.
 * @param defaultSize of generated images
 * @param tools names of those that the caller may use
 */
export function describeForStudio(
  { name, model, capabilities }: DeploymentInfo,
  defaultSize: Size,
  tools: readonly string[],
): StudioModel {
  const { retires } = capabilities
  // The studio pays for jobs only, and would never see what it paid for without asking for them.
  const isOffered = (operation: Operation) => tools.includes(`${operation}_image`) && tools.includes('get_job')
  const operations = capabilities.operations.filter(isOffered)
  return {
    name,
    model,
    ...(operations.includes('generate') ? { generate: describeOperation('generate', capabilities, defaultSize) } : {}),
    ...(operations.includes('edit') ? { edit: describeOperation('edit', capabilities, defaultSize) } : {}),
    ...(retires === undefined ? {} : { retires }),
  }
}

function describeOperation(operation: Operation, model: Model, defaultSize: Size): StudioOperation {
  const { aspectRatios, qualities, formats, backgrounds, maxCount } = model
  const takes = (name: Parameters<typeof isAllowed>[0]) => isAllowed(name, operation, model)
  const hasSizes = takes('size') && aspectRatios.length === 0
  return {
    ...(hasSizes ? { sizes: sizesOf(operation, model, defaultSize) } : {}),
    takesAnySize: hasSizes && sizeRuleOf(model, operation).kind === 'range',
    ...(takes('aspect_ratio') ? { aspectRatios } : {}),
    ...(takes('quality') ? { qualities } : {}),
    ...(takes('output_format') ? { outputFormats: formats } : {}),
    ...(takes('background') ? { backgrounds } : {}),
    hasSeed: takes('seed'),
    maxCount: takes('n') ? maxCount : 1,
    hasMask: takes('mask_base64'),
    maxPromptCharacters: promptLimit(model),
  }
}

/** Sizes that the model generates unchanged, the default one first. */
function sizesOf(operation: Operation, model: Model, defaultSize: Size): string[] {
  const rule = sizeRuleOf(model, operation)
  const first = formatSize(sizeFor(model, operation, defaultSize))
  const others =
    rule.kind === 'choices' ? rule.sizes : commonSizes.map((size) => formatSize(sizeFor(model, operation, size)))
  return [...new Set([first, ...others])]
}
