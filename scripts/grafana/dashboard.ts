import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog'
import {
  type DataSourceRef,
  LegendDisplayMode,
  LegendPlacement,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel as GrafanaPanel,
  QueryVariableBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import type { Board, Panel, Query } from './board.ts'

const source: DataSourceRef = { type: 'prometheus', uid: '$datasource' }
const TAG = 'azure-image-editor'
/** Of the grid's 24 columns and rows of 30 pixels. */
const NUMBER = { w: 6, h: 5 }
const LINES = { w: 12, h: 8 }

/** The board as the JSON that Grafana imports. */
export function dashboardOf(board: Board): string {
  const builder = new DashboardBuilder(board.title)
    .uid(`${TAG}-${board.name}`)
    .description(board.about)
    .tags([TAG])
    .timezone('browser')
    .refresh('30s')
    .time({ from: 'now-6h', to: 'now' })
    .link(new DashboardLinkBuilder('Image service').type(DashboardLinkType.Dashboards).tags([TAG]).asDropdown(true))
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(
      new QueryVariableBuilder('instance')
        .label('Replica')
        .datasource(source)
        .query('label_values(image_mcp_build_info, instance)')
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .multi(true)
        .includeAll(true)
        .allValue('.*'),
    )
  for (const panel of board.panels) builder.withPanel(panelOf(panel))
  return `${JSON.stringify(builder.build(), null, 2)}\n`
}

function panelOf(panel: Panel): Builder<GrafanaPanel> {
  const targets = panel.queries.map(targetOf)
  if (panel.kind === 'number') {
    return described(new StatBuilder(), panel).height(NUMBER.h).span(NUMBER.w).targets(targets)
  }
  return described(new TimeseriesBuilder(), panel)
    .height(LINES.h)
    .span(LINES.w)
    .min(0)
    .fillOpacity(10)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .calcs(['lastNotNull', 'max'])
        .sortBy('Max')
        .sortDesc(true),
    )
    .targets(targets)
}

const described = <B extends StatBuilder | TimeseriesBuilder>(builder: B, { title, about, unit }: Panel): B => {
  builder.title(title).description(about).unit(unit).datasource(source)
  return builder
}

/** Duration histograms have exemplars: a point leads to its trace. */
function targetOf({ expr, legend }: Query, index: number): Builder<Dataquery> {
  return new DataqueryBuilder()
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .datasource(source)
    .expr(expr)
    .legendFormat(legend)
    .exemplar(expr.includes('_seconds_bucket'))
    .range()
}

/** The expression without Grafana's variables, for a Prometheus that is asked directly. */
export const expressionOf = (expr: string): string =>
  expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m').replaceAll('$__range', '1h')
