import { references, resolve, scalarsToStrings, type Scope } from '../../../world/cloudformation/intrinsics';
import { Template, TemplateError, type TemplateBody } from '../../../world/cloudformation/template';

const scope: Scope = {
  ref: name => ({ Bucket: 'images', Ids: ['a', 'b'], Count: 3 } as Record<string, unknown>)[name],
  attribute: (logicalId, name) => `${logicalId}/${name}`,
  condition: name => name === 'Yes',
  mapping: (...path) => path.join('/'),
  importValue: name => `imported ${name}`,
  parameter: name => `value of ${name}`,
};

describe('intrinsic functions', () => {
  test.each<[string, unknown, unknown]>([
    ['Ref', { Ref: 'Bucket' }, 'images'],
    ['Fn::GetAtt as a list', { 'Fn::GetAtt': ['A', 'Nested.Name'] }, 'A/Nested.Name'],
    ['Fn::GetAtt as a string', { 'Fn::GetAtt': 'A.Nested.Name' }, 'A/Nested.Name'],
    ['Fn::Sub', { 'Fn::Sub': 's3://${Bucket}/${A.Key}${!Literal}' }, 's3://images/A/Key${Literal}'],
    ['Fn::Sub with variables', { 'Fn::Sub': ['${name}-${Count}', { name: { Ref: 'Bucket' } }] }, 'images-3'],
    ['Fn::Join', { 'Fn::Join': ['-', ['x', { Ref: 'Count' }, true]] }, 'x-3-true'],
    ['Fn::Join of a list', { 'Fn::Join': [',', { Ref: 'Ids' }] }, 'a,b'],
    ['Fn::Select', { 'Fn::Select': ['1', { Ref: 'Ids' }] }, 'b'],
    ['Fn::Split', { 'Fn::Select': [1, { 'Fn::Split': ['|', 'x|y'] }] }, 'y'],
    ['Fn::GetAZs', { 'Fn::GetAZs': '' }, ['eu-west-1a', 'eu-west-1b', 'eu-west-1c']],
    ['Fn::If', { 'Fn::If': ['Yes', 1, 2] }, 1],
    ['Fn::FindInMap', { 'Fn::FindInMap': ['M', { Ref: 'Bucket' }, 'k'] }, 'M/images/k'],
    ['Fn::Base64', { 'Fn::Base64': 'hello' }, 'aGVsbG8='],
    ['Fn::Cidr', { 'Fn::Cidr': ['10.0.0.0/16', 2, 12] }, ['10.0.0.0/20', '10.0.16.0/20']],
    ['Fn::ImportValue', { 'Fn::ImportValue': { 'Fn::Sub': '${Bucket}-x' } }, 'imported images-x'],
    ['a dynamic reference', '{{resolve:ssm:/a/b}}', 'value of /a/b'],
    ['AWS::NoValue in an object', { a: 1, b: { Ref: 'AWS::NoValue' }, c: { 'Fn::If': ['No', 1, { Ref: 'AWS::NoValue' }] }, d: null }, { a: 1 }],
    ['AWS::NoValue in a list', ['x', { Ref: 'AWS::NoValue' }], ['x']],
  ])('%s', (_, value, expected) => {
    expect(resolve(value, scope)).toEqual(expected);
  });

  test('an unknown one is refused', () => {
    expect(() => resolve({ 'Fn::Transform': {} }, scope)).toThrow('Fn::Transform');
    expect(() => resolve({ 'Fn::Select': [5, ['a']] }, scope)).toThrow('index 5');
  });

  test('references are found in the branches that count', () => {
    const found = references({ a: { 'Fn::If': ['Yes', { Ref: 'A' }, { Ref: 'B' }] }, b: { 'Fn::Sub': ['${C.Arn}${v}${!D}', { v: { 'Fn::GetAtt': 'E.x' } }] } }, scope.condition);
    expect([...found].sort()).toEqual(['A', 'C', 'E']);
  });

  test('scalars become strings at any depth', () => {
    expect(scalarsToStrings({ a: true, b: [5, { c: false }] })).toEqual({ a: 'true', b: ['5', { c: 'false' }] });
  });
});

describe('a template', () => {
  const template = (body: TemplateBody, parameters: Record<string, unknown> = {}) => new Template(body, parameters, scope);
  const resource = (properties: object, more: object = {}) => ({ Type: 'T', Properties: properties as Record<string, unknown>, ...more });

  test('knows what each resource waits for', () => {
    const parsed = template({ Resources: { A: resource({}), B: resource({ x: { Ref: 'A' } }), C: resource({}, { DependsOn: ['B'] }) } });
    expect(parsed.dependencies('B')).toEqual(['A']);
    expect(parsed.dependencies('C')).toEqual(['B']);
  });

  test('leaves out resources whose condition is false', () => {
    const { resources } = template({
      Conditions: { Big: { 'Fn::Equals': [{ Ref: 'Size' }, 'big'] }, Small: { 'Fn::Not': [{ Condition: 'Big' }] } },
      Resources: { A: resource({}, { Condition: 'Big' }), B: resource({}, { Condition: 'Small', DependsOn: 'A' }) },
    }, { Size: 'small' });
    expect([...resources.keys()]).toEqual(['B']);
  });

  test('is refused with a cycle, a missing resource or a transform', () => {
    expect(() => template({ Resources: { A: resource({ x: { Ref: 'B' } }), B: resource({ x: { 'Fn::GetAtt': ['A', 'y'] } }) } }))
      .toThrow('circular dependency between resources: [A, B]');
    expect(() => template({ Resources: { A: resource({ x: { Ref: 'B' } }) } })).toThrow('unresolved resource dependencies [B] in the Resources block');
    expect(() => template({ Resources: { A: resource({}, { DependsOn: 'B' }) } })).toThrow(TemplateError);
    expect(() => template({ Transform: 'AWS::LanguageExtensions' })).toThrow('transforms');
  });
});
