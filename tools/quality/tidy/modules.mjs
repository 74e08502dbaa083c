/** What each module imports, exports and declares, read from its syntax alone: no types, so the whole tree takes a second. */
import ts from 'typescript';
import { isCode } from './tree.mjs';

/**
 * @typedef {{ name: string, line: number, isType: boolean, isUsedHere: boolean }} Export
 * @typedef {{ from: string, line: number, names: { from: string, as: string }[] | 'all' }} Reexport
 * @typedef {{ from: string, names: string[] | 'all', isErased: boolean, line: number }} Import
 * @typedef {{ name: string, line: number, isInterface: boolean }} Declared
 * @typedef {{ path: string, exports: Export[], reexports: Reexport[], imports: Import[], declared: Declared[] }} Module
 */

/** @type {WeakMap<import('./tree.mjs').Tree, Module[]>} */
const known = new WeakMap();

/**
 * @param {import('./tree.mjs').Tree} tree
 * @returns {Module[]}
 */
export function modulesOf(tree) {
  const modules = known.get(tree) ?? tree.files.filter((file) => isCode(file.path)).map(readModule);
  known.set(tree, modules);
  return modules;
}

/**
 * @param {import('./tree.mjs').TextFile} file
 * @returns {Module}
 */
function readModule({ path, text }) {
  const kind = path.endsWith('.ts') ? ts.ScriptKind.TS : ts.ScriptKind.JS;
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true, kind);
  /** @type {Module} */
  const module = { path, exports: [], reexports: [], imports: [], declared: [] };
  /** @param {ts.Node} node */
  const lineOf = (node) => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
  const mentions = mentionsIn(source);

  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) module.imports.push(importOf(statement, lineOf(statement)));
    else if (ts.isExportDeclaration(statement)) readExportDeclaration(statement, module, lineOf);
    else if (isExported(statement)) {
      for (const { name, isType } of namesDeclaredBy(statement)) {
        // A declaration mentions its own name once; whatever is above that uses it.
        module.exports.push({
          name,
          line: lineOf(statement),
          isType,
          isUsedHere: (mentions.get(name) ?? 0) > 1,
        });
      }
    }
  }
  visit(source);
  return module;

  /** @param {ts.Node} node */
  function visit(node) {
    const loaded = loadedBy(node);
    if (loaded) module.imports.push({ from: loaded, names: 'all', isErased: true, line: lineOf(node) });
    const name = declaredName(node);
    if (name)
      module.declared.push({ name, line: lineOf(node), isInterface: ts.isInterfaceDeclaration(node) });
    ts.forEachChild(node, visit);
  }
}

/** @param {ts.ImportDeclaration} statement @param {number} line @returns {Import} */
function importOf(statement, line) {
  const from = textOf(statement.moduleSpecifier);
  const clause = statement.importClause;
  const bindings = clause?.namedBindings;
  const isErased = clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
  if (bindings && ts.isNamespaceImport(bindings)) return { from, names: 'all', isErased, line };
  const named = bindings?.elements.map((element) => (element.propertyName ?? element.name).text) ?? [];
  return { from, names: clause?.name ? ['default', ...named] : named, isErased, line };
}

/** @param {ts.ExportDeclaration} statement @param {Module} module @param {(node: ts.Node) => number} lineOf */
function readExportDeclaration(statement, module, lineOf) {
  const line = lineOf(statement);
  const clause = statement.exportClause;
  const names =
    clause && ts.isNamedExports(clause)
      ? clause.elements.map((element) => ({
          from: (element.propertyName ?? element.name).text,
          as: element.name.text,
        }))
      : undefined;
  if (statement.moduleSpecifier) {
    module.reexports.push({ from: textOf(statement.moduleSpecifier), line, names: names ?? 'all' });
  } else {
    for (const { as } of names ?? [])
      module.exports.push({ name: as, line, isType: statement.isTypeOnly, isUsedHere: false });
  }
}

/** @param {ts.Statement} statement */
function isExported(statement) {
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  const kinds = modifiers.map((modifier) => modifier.kind);
  return kinds.includes(ts.SyntaxKind.ExportKeyword) && !kinds.includes(ts.SyntaxKind.DefaultKeyword);
}

/** @param {ts.Statement} statement @returns {{ name: string, isType: boolean }[]} */
function namesDeclaredBy(statement) {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations
      .flatMap((declaration) => bindingNames(declaration.name))
      .map((name) => ({ name, isType: false }));
  }
  if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) {
    return [{ name: statement.name.text, isType: true }];
  }
  if (
    (ts.isFunctionDeclaration(statement) ||
      ts.isClassDeclaration(statement) ||
      ts.isEnumDeclaration(statement)) &&
    statement.name
  ) {
    return [{ name: statement.name.text, isType: false }];
  }
  return [];
}

/** @param {ts.BindingName} name @returns {string[]} */
function bindingNames(name) {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? bindingNames(element.name) : []));
}

/** @param {ts.SourceFile} source @returns {Map<string, number>} how often each name occurs */
function mentionsIn(source) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  /** @param {ts.Node} node */
  const count = (node) => {
    if (ts.isIdentifier(node)) counts.set(node.text, (counts.get(node.text) ?? 0) + 1);
    ts.forEachChild(node, count);
  };
  count(source);
  return counts;
}

/** @param {ts.Node} node @returns {string | undefined} the module of `import('…')`, as an expression or as a type */
function loadedBy(node) {
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [argument] = node.arguments;
    return argument && ts.isStringLiteral(argument) ? argument.text : undefined;
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return textOf(node.argument.literal);
  return undefined;
}

/**
 * The name that a node gives to something of ours. Keys of object literals are left out: they are often another system's words.
 * @param {ts.Node} node
 */
function declaredName(node) {
  const gives =
    ts.isVariableDeclaration(node) ||
    ts.isParameter(node) ||
    ts.isBindingElement(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isEnumDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isMethodSignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isPropertySignature(node);
  return gives && node.name && (ts.isIdentifier(node.name) || ts.isPrivateIdentifier(node.name))
    ? node.name.text
    : undefined;
}

/** @param {ts.Node} node */
const textOf = (node) => (ts.isStringLiteral(node) ? node.text : '');
