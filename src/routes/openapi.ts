/** `/openapi.json`: the routes for programs, OpenAPI 3.1, made from what the routes check by. */
import { z } from 'zod';
import { NextStepSchema } from '../next-step.ts';
import { DESCRIPTIONS, type Description } from './descriptions.ts';
import type { Access } from './guard.ts';
import { PROBLEMS } from './problem-codes.ts';
import type { Route } from './route.ts';

/** Method, path as the router has it, and who may call. */
export type Described = readonly [method: string, path: string, access: Access | 'peer'];

const ACCESS: Readonly<Record<Access | 'peer', string>> = {
  peer: 'Any peer and any monitor.',
  public: 'Anybody; the operator sees more.',
  read: 'The operator.',
  trigger: 'The operator: not another site, and a GET only if a person typed it.',
};

const ProblemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(PROBLEMS) as [string, ...string[]]),
  reason: z.string().describe('what happened, where `next` says what to do').optional(),
  next: NextStepSchema.optional(),
});

function openApi(routes: readonly Described[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [method, path, access] of routes) {
    const description = DESCRIPTIONS[`${method} ${path}`];
    if (description === undefined) throw new Error(`say in descriptions.ts: ${method} ${path}`);
    const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
    const at = path.replace(/:(\w+)/g, '{$1}');
    paths[at] ??= {};
    paths[at][method.toLowerCase()] = operation(method, names, access, description);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sotto',
      version: '1',
      description:
        'What a peer answers. docs/ROUTES.md says it for people, docs/ERRORS.md the errors.',
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: toSchema(ProblemSchema) },
    },
    paths,
  };
}

export function openApiRoute(routes: readonly Described[]): Route {
  const body = JSON.stringify(openApi(routes));
  return (ctx) => {
    ctx.body = body;
    ctx.type = 'application/json';
  };
}

function operation(
  method: string,
  names: readonly string[],
  access: Access | 'peer',
  { summary, fields, form, file, answers }: Description,
): object {
  const inPath = names.map((name) => parameter(name, 'path', { type: 'string' }, true));
  const inQuery = method === 'GET' ? fields : file?.fields;
  const content: Record<string, object> = {};
  if (method !== 'GET' && fields !== undefined) {
    const schema = toSchema(fields);
    content['application/json'] = { schema };
    content['application/x-www-form-urlencoded'] = { schema };
  }
  if (form !== undefined) content['multipart/form-data'] = { schema: toSchema(form) };
  for (const type of file?.types ?? []) content[type] = {};
  return {
    summary,
    description: ACCESS[access],
    ...(access !== 'peer' && access !== 'public' && { security: [{ token: [] }] }),
    parameters: [...inPath, ...(inQuery === undefined ? [] : parametersOf(inQuery))],
    ...(Object.keys(content).length > 0 && { requestBody: { content } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [status, reply(answer)]),
      ),
      default: {
        description: 'A problem; its code says which.',
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      },
    },
  };
}

function reply(answer: Description['answers'][number]): object {
  if (answer === 'nothing') return { description: 'Done.' };
  const json = (schema: z.ZodType) => ({ 'application/json': { schema: toSchema(schema) } });
  const bare = (types: readonly string[]) => Object.fromEntries(types.map((type) => [type, {}]));
  if (answer instanceof z.ZodType) return { description: 'Done.', content: json(answer) };
  const content = 'json' in answer ? { ...json(answer.json), ...bare(answer.types) } : bare(answer);
  return { description: 'Done.', content };
}

function parametersOf(fields: z.ZodType): object[] {
  const { properties = {}, required = [] } = toSchema(fields);
  return Object.entries(properties).map(([name, schema]) =>
    parameter(name, 'query', schema, required.includes(name)),
  );
}

function parameter(name: string, where: string, schema: unknown, required: boolean): object {
  return { name, in: where, required, schema };
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

/** What a caller may send: before anything was transformed. */
function toSchema(schema: z.ZodType): ObjectSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
  });
  return rest as ObjectSchema;
}
