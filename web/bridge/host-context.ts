import type { DisplayMode, HostContext, Theme } from './bridge.ts'
import { isObject, type JsonObject, listOf, numberOf, objectOf, textOf, textsOf } from './json.ts'

/** Reads `hostContext`: https://github.com/modelcontextprotocol/ext-apps/blob/main/specification/2026-01-26/apps.mdx */

const isDisplayMode = (value: unknown): value is DisplayMode =>
  value === 'inline' || value === 'fullscreen' || value === 'pip'
const isTheme = (value: unknown): value is Theme => value === 'light' || value === 'dark'

/** @param changes what the host sent: everything at first, only what changed later */
export function mergeContext(context: HostContext, changes: JsonObject): HostContext {
  const { theme, displayMode, availableDisplayModes, containerDimensions, safeAreaInsets, styles } = changes
  const style = objectOf(styles)
  const size = objectOf(containerDimensions)
  const variables = isObject(style.variables) ? textsOf(style.variables) : context.variables
  return {
    theme: isTheme(theme) ? theme : context.theme,
    locale: textOf(changes.locale) ?? context.locale,
    displayMode: isDisplayMode(displayMode) ? displayMode : context.displayMode,
    displayModes: Array.isArray(availableDisplayModes)
      ? listOf(availableDisplayModes).filter(isDisplayMode)
      : context.displayModes,
    variables,
    fonts: textOf(objectOf(style.css).fonts) ?? context.fonts,
    maxHeight: isObject(containerDimensions) ? (numberOf(size.height) ?? numberOf(size.maxHeight)) : context.maxHeight,
    safeArea: isObject(safeAreaInsets) ? insetsOf(safeAreaInsets) : context.safeArea,
  }
}

const insetsOf = ({ top, right, bottom, left }: JsonObject) => ({
  top: numberOf(top) ?? 0,
  right: numberOf(right) ?? 0,
  bottom: numberOf(bottom) ?? 0,
  left: numberOf(left) ?? 0,
})
