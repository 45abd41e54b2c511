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
 * fields, and not cost too much.
 */
export function checkRule(rule: string, schema: StructuralSchema): RuleReport {
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
  const { cost } = walk(ast, scope, problems);
  if (cost > costLimit) problems.push(`may cost ${Math.round(cost)}, more than ${costLimit}`);
  return { problems, cost };
}

/** Whether a rule compares with the object's former state, and so holds on update only. */
export function isTransitionRule(rule: string): boolean {
  return /\boldSelf\b/.test(rule.replaceAll(/'[^']*'|"[^"]*"/g, "''"));
}

function walk(node: ASTNode, scope: Scope, problems: string[]): Term {
  switch (node.op) {
    case "value":
      return { cost: 0, size: typeof node.args === "string" ? node.args.length : 1 };
    case "id":
      if (!scope.has(node.args)) problems.push(`unknown name ${node.args}`);
      return { cost: 1, schema: scope.get(node.args) };
    case ".":
      return field(walk(node.args[0], scope, problems), node.args[1], problems);
    case "call":
      if (!functions.has(node.args[0])) problems.push(`function ${node.args[0]} is not allowed`);
      return sum(node.args[1], scope, problems);
    case "rcall":
      return method(node.args, scope, problems);
    case "==":
    case "!=":
    case "in":
      return comparison(node.op, node.args, { scope, problems });
    case "[]":
      return { cost: sum(node.args, scope, problems).cost, schema: walk(node.args[0], scope, []).schema?.items };
    case "!_":
    case "-_":
      return sum([node.args], scope, problems);
    case "map":
    case ".?":
    case "[?]":
      problems.push(`${node.op} is not allowed`);
      return { cost: 1 };
    default:
      return sum(node.args, scope, problems);
  }
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
  return { cost: list.cost + (list.schema.maxItems ?? Infinity) * (body + 3), schema };
}

function comparison(op: "==" | "!=" | "in", nodes: readonly [ASTNode, ASTNode], { scope, problems }: Around): Term {
  const left = walk(nodes[0], scope, problems);
  const right = walk(nodes[1], scope, problems);
  if (op !== "in") return { cost: left.cost + right.cost + 1 + Math.min(sizeOf(left), sizeOf(right)) / 10 };
  const items = right.schema?.maxItems ?? (nodes[1].op === "list" ? nodes[1].args.length : Infinity);
  return { cost: left.cost + right.cost + items * (1 + sizeOf(left) / 10) };
}

/** The most octets that a value takes: `maxLength` counts code points, of up to four octets each. */
function sizeOf(term: Term): number {
  return term.size ?? (term.schema ? schemaSize(term.schema) : 1);
}

function schemaSize(schema: StructuralSchema): number {
  switch (schema.type) {
    case "string":
      return schema.enum ? Math.max(...schema.enum.map((word) => word.length)) : (schema.maxLength ?? Infinity) * 4;
    case "array":
      return (schema.maxItems ?? Infinity) * (schema.items ? schemaSize(schema.items) : 1);
    case "object":
      return Object.values(schema.properties ?? {}).reduce((total, each) => total + schemaSize(each), 1);
    default:
      return 8;
  }
}
