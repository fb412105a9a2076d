// What a dashboard is, by Grafana's own types, as JSON has it: enumerations are their values, and what has a default may be left out.
import type { Dashboard, DataQuery, DataSourceRef, FieldConfigSource, Panel, VariableModel } from "@grafana/schema";
import type { Options as LogsOptions } from "@grafana/schema/dist/esm/raw/composable/logs/panelcfg/x/LogsPanelCfg_types.gen.d.ts";
import type { LokiDataQuery } from "@grafana/schema/dist/esm/raw/composable/loki/dataquery/x/LokiDataQuery_types.gen.d.ts";
import type { Options as StatOptions } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.d.ts";
import type { Options as TableOptions } from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen.d.ts";
import type { FieldConfig, Options as TimeSeriesOptions } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.d.ts";

type Json<T> = unknown extends T
  ? unknown
  : T extends string
    ? `${T}`
    : T extends number
      ? number
      : T extends (infer Item)[]
        ? Json<Item>[]
        : T extends object
          ? { [Key in keyof T]?: Json<T[Key]> }
          : T;

// Its type is no part of @grafana/schema.
type PrometheusQuery = Json<DataQuery> & { refId: string; expr: string; legendFormat?: string; instant?: boolean; format?: "table" };
type LokiQuery = Json<LokiDataQuery> & { refId: string; expr: string };

type Source<Name extends string> = Json<DataSourceRef> & { type: Name; uid: string };
type Of<Type extends string, Options, Query, Name extends string, Custom = never> = Omit<
  Json<Panel>,
  "type" | "options" | "targets" | "fieldConfig" | "datasource"
> & {
  id: number;
  type: Type;
  title: string;
  description: string;
  datasource: Source<Name>;
  gridPos: { h: number; w: number; x: number; y: number };
  options: Json<Options>;
  fieldConfig: Json<FieldConfigSource<Custom>>;
  targets: Query[];
};

type Shown =
  | Of<"timeseries", TimeSeriesOptions, PrometheusQuery, "prometheus", FieldConfig>
  | Of<"stat", StatOptions, PrometheusQuery, "prometheus">
  | Of<"table", TableOptions, PrometheusQuery, "prometheus">
  | Of<"logs", LogsOptions, LokiQuery, "loki">;

type Variable = Omit<Json<VariableModel>, "type" | "datasource" | "query"> & {
  name: string;
  type: "query";
  datasource: Source<"prometheus">;
  query: { query: string; refId: string };
};

export type Board = Omit<Json<Dashboard>, "panels" | "templating"> & {
  uid: string;
  title: string;
  panels: Shown[];
  templating: { list: Variable[] };
};
