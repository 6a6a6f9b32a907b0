import { type ServiceToken, defineService } from './services.ts';

/**
 * What a data set is for (Alibaba Cloud API Gateway, data sets, doc 458912). An item of `BASIC_AUTH_ACCESS` is `name:password`;
 * a name may have several passwords.
 */
export type DataSetType = 'JWT_BLOCKING' | 'IP_WHITELIST_CIDR' | 'PARAMETER_ACCESS' | 'BASIC_AUTH_ACCESS';

/** A list that several plugins may refer to. Items come, go and expire while the gateway runs. */
export interface DataSet {
  readonly name: string;
  readonly type: DataSetType;
  /** Whether the item is in it now; of an `IP_WHITELIST_CIDR`, whether the address is in one of its blocks. */
  has(item: string): boolean;
  /** What is in it now. May be secret (`BASIC_AUTH_ACCESS`). */
  items(): readonly string[];
}

/** The data sets of the configuration's `dataSets` section. */
export interface DataSets {
  readonly names: readonly string[];
  byName(name: string): DataSet | undefined;
}

export const DataSets: ServiceToken<DataSets> = defineService<DataSets>('data-sets');
