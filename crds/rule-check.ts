import { Environment } from "@marcbachmann/cel-js";
import type { ASTNode } from "@marcbachmann/cel-js";
import type { StructuralSchema } from "./structural-schema.ts";

/** What is wrong with a CEL rule, and the most that it may cost, roughly as the API server estimates it. */
export interface RuleReport {
  readonly problems: readonly string[];
  readonly cost: number;
}

/** The API server refuses a rule whose estimated cost is higher. */
export const costLimit = 10_000_000;

/** What the API server counts for a list that a rule makes; `filter` and `map` make one for each element. */
const madeList = 10;

/** The functions that a rule may call: core CEL, and nothing that only the API server knows. */
const functions = new Set(["has", "size", "duration", "int", "string"]);
const methods = new Set(["size", "contains", "startsWith", "endsWith", "matches"]);
const macros = new Set(["all", "exists", "exists_one", "filter", "map"]);

const parser = new Environment({ unlistedVariablesAreDyn: true });

/** A sub-expression: what the schema says of its value (nothing for what the rule computes), and its cost. */
interface Term {
  readonly schema?: StructuralSchema | undefined;
  readonly cost: number;
  /** Octets at most, for strings. */
  readonly size?: number;
}
type Scope = ReadonlyMap<string, StructuralSchema | undefined>;

/**
 * Checks a rule against the schema that it stands in: it must parse, call only what is allowed, read only declared
 * fields, and not cost too much, evaluated so many `times` in an object: for each element of the lists around it.
 */
export function checkRule(rule: string, schema: StructuralSchema, times = 1): RuleReport {
  const problems: string[] = [];
  let ast: ASTNode;
  try {
    ast = parser.parse(rule).ast;
  } catch (error) {
    return { problems: [error instanceof Error ? error.message : String(error)], cost: 0 };
  }
  const scope: Scope = new Map([
    ["self", schema],
    ["oldSelf", schema],
  ]);
  const cost = walk(ast, scope, problems).cost * times;
  if (cost > costLimit) problems.push(`may cost ${Math.round(cost)}, more than ${costLimit}`);
  return { problems, cost };
}

/** Whether a rule compares with the object's former state, and so holds on update only. */
export function isTransitionRule(rule: string): boolean {
  return /\boldSelf\b/.test(rule.replaceAll(/'[^']*'|"[^"]*"/g, "''"));
}

function walk(node: ASTNode, scope: Scope, problems: string[]): Term {
  if (node.op === "value") return { cost: 0, size: typeof node.args === "string" ? node.args.length : 1 };
  if (node.op === "id") return reference(node.args, scope, problems);
  if (node.op === ".") return field(walk(node.args[0], scope, problems), node.args[1], problems);
  if (node.op === "call") return call(node.args, scope, problems);
  if (node.op === "rcall") return method(node.args, scope, problems);
  if (node.op === "==" || node.op === "!=") return equality(node.args, scope, problems);
  if (node.op === "in") return membership(node.args, scope, problems);
  if (node.op === "!_" || node.op === "-_") return sum([node.args], scope, problems);
  return operands(node, scope, problems);
}

function operands(
  node: Exclude<ASTNode, { op: "!_" | "-_" | "value" | "id" | "." | "call" | "rcall" }>,
  scope: Scope,
  problems: string[],
): Term {
  if (node.op === "map" || node.op === ".?" || node.op === "[?]") {
    problems.push(`the operator ${node.op} is not allowed`);
    return { cost: 1 };
  }
  const term = sum(node.args, scope, problems);
  if (node.op === "list") return { cost: term.cost + madeList };
  return node.op === "[]" ? { ...term, schema: walk(node.args[0], scope, []).schema?.items } : term;
}

function reference(text: string, scope: Scope, problems: string[]): Term {
  if (!scope.has(text)) problems.push(`unknown name ${text}`);
  return { cost: 1, schema: scope.get(text) };
}

function call([name, args]: [string, ASTNode[]], scope: Scope, problems: string[]): Term {
  if (!functions.has(name)) problems.push(`function ${name} is not allowed`);
  return sum(args, scope, problems);
}

function sum(nodes: readonly ASTNode[], scope: Scope, problems: string[]): Term {
  return { cost: nodes.reduce((total, node) => total + walk(node, scope, problems).cost, 1) };
}

function field(object: Term, name: string, problems: string[]): Term {
  const schema = object.schema?.properties?.[name];
  if (schema === undefined) problems.push(`no field ${name} is declared there`);
  return { cost: object.cost + 1, schema };
}

function method([name, target, args]: [string, ASTNode, ASTNode[]], scope: Scope, problems: string[]): Term {
  const receiver = walk(target, scope, problems);
  if (macros.has(name)) return macro(receiver, args, { name, scope, problems });
  if (!methods.has(name)) problems.push(`function ${name} is not allowed`);
  const cost = receiver.cost + sum(args, scope, problems).cost;
  const pattern = args[0]?.op === "value" ? String(args[0].args).length : 1000;
  return { cost: name === "matches" ? cost + (1 + sizeOf(receiver) / 10) * Math.ceil(pattern / 4) : cost };
}

interface Around {
  readonly scope: Scope;
  readonly problems: string[];
}

function macro(list: Term, args: readonly ASTNode[], around: Around & { readonly name: string }): Term {
  const [variable, ...bodies] = args;
  if (variable?.op !== "id" || list.schema?.type !== "array") {
    around.problems.push(`${around.name} is for declared lists`);
    return { cost: list.cost };
  }
  const inner = new Map(around.scope).set(variable.args, list.schema.items);
  const body = sum(bodies, inner, around.problems).cost;
  const schema = around.name === "filter" ? list.schema : undefined;
  const turn = body + 3 + (around.name === "filter" || around.name === "map" ? madeList : 0);
  return { cost: list.cost + (list.schema.maxItems ?? Infinity) * turn, schema };
}

function equality(nodes: readonly [ASTNode, ASTNode], scope: Scope, problems: string[]): Term {
  const left = walk(nodes[0], scope, problems);
  const right = walk(nodes[1], scope, problems);
  return { cost: left.cost + right.cost + 1 + Math.min(sizeOf(left), sizeOf(right)) / 10 };
}

function membership(nodes: readonly [ASTNode, ASTNode], scope: Scope, problems: string[]): Term {
  const item = walk(nodes[0], scope, problems);
  const list = walk(nodes[1], scope, problems);
  const items = list.schema?.maxItems ?? (nodes[1].op === "list" ? nodes[1].args.length : Infinity);
  return { cost: item.cost + list.cost + items * (1 + sizeOf(item) / 10) };
}

/** The most octets that a value takes: `maxLength` counts code points, of up to four octets each. */
function sizeOf(term: Term): number {
  return term.size ?? (term.schema ? schemaSize(term.schema) : 1);
}

function schemaSize(schema: StructuralSchema): number {
  if (schema.type === "string") {
    return schema.enum ? Math.max(...schema.enum.map((word) => word.length)) : (schema.maxLength ?? Infinity) * 4;
  }
  if (schema.type === "array") return (schema.maxItems ?? Infinity) * (schema.items ? schemaSize(schema.items) : 1);
  return Object.values(schema.properties ?? {}).reduce((total, each) => total + schemaSize(each), 8);
}
