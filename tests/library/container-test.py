#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""container-test.py SOURCE-ROOT: carries out the GitHub and GitLab jobs and the Dockerfile of docs/ci.md, with a program of the reader's own, in what stands for a container: this machine's file
system under a layer of its own, a /dev with the usual nodes only, and the capabilities that Docker
leaves. In place of debian:12 is this machine; so apt-get install only looks whether it could."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

CAPABILITIES = '-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,' \
    '+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap'
APT_GET = '''#!/bin/sh
[ "$1" != update ] || exit 0
exec /usr/bin/apt-get --simulate -qq "$@"
'''
MAKEFILE = '''your-test: your-test.c
\tcc your-test.c -o your-test $$(pkg-config --cflags --libs gnttab-c)
'''
UNSAFE_CHECKOUT = {'GIT_CONFIG_COUNT': '1', 'GIT_CONFIG_KEY_0': 'safe.directory',
                   'GIT_CONFIG_VALUE_0': '*'}  # it is another user's


def skip(why):
    print(f'skipped: {why}')
    sys.exit(77)


def block(page, language, holds):
    """The page's code block in a language that holds these words."""
    for found in re.findall(rf'^```{language}\n(.*?)^```$', page, re.S | re.M):
        if holds in found:
            return found
    sys.exit(f'FAILED: no {language} block with "{holds}" in the page')


class Container:
    def __init__(self, name, where, source):
        self.name, self.source = name, source
        self.root = os.path.join(where, name)
        layer = os.path.join(where, name + '-layer')
        for directory in self.root, layer:
            os.makedirs(directory)
        self.mount('-t', 'tmpfs', 'layer', layer)
        for directory in 'upper', 'work':
            os.mkdir(os.path.join(layer, directory))
        self.mount('-t', 'overlay', 'overlay', '-o',
                   f'lowerdir=/,upperdir={layer}/upper,workdir={layer}/work', self.root)
        self.mount('-t', 'proc', 'proc', self.root + '/proc')
        self.mount('-t', 'tmpfs', '-o', 'mode=755', 'dev', self.root + '/dev')
        for node in 'null', 'zero', 'full', 'random', 'urandom', 'tty':
            open(f'{self.root}/dev/{node}', 'w', encoding='utf-8').close()
            self.mount('--bind', '/dev/' + node, f'{self.root}/dev/{node}')
        os.symlink('/proc/self/fd', self.root + '/dev/fd')
        os.mkdir(self.root + '/dev/shm', 0o1777)
        os.chmod(self.root + '/dev/shm', 0o1777)
        # An empty /tmp, as in a new container, but for the sources to clone.
        self.mount('-t', 'tmpfs', '-o', 'mode=1777', 'tmp', self.root + '/tmp')
        os.mkdir(self.root + '/source')
        self.mount('--bind', source, self.root + '/source')
        self.write('/usr/local/sbin/apt-get', APT_GET, 0o755)
        self.user, self.directory = 'root', '/'
        self.environment = dict(UNSAFE_CHECKOUT, PATH='/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
                                HOME='/root', LANG='C.UTF-8')
        # What was compiled before need not be compiled again, where somebody keeps it.
        cache = os.environ.get('CCACHE_DIR')
        if cache:
            os.mkdir(self.root + '/ccache')
            self.mount('--bind', cache, self.root + '/ccache')
            self.environment.update({n: v for n, v in os.environ.items() if n.startswith('CCACHE_')}, CCACHE_DIR='/ccache')

    @staticmethod
    def mount(*arguments):
        done = subprocess.run(['mount', *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            skip(f'no container here: {done.stderr.strip()}')

    def write(self, path, text, mode=0o644):
        path = self.root + path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        os.chmod(path, mode)

    def checkout(self, directory, program):
        """What the reader's own repository holds."""
        self.write(directory + '/your-test.c', program)
        self.write(directory + '/Makefile', MAKEFILE)
        self.directory = directory

    def run(self, command, **more):
        print(f'{self.name}{"#" if self.user == "root" else "$"} {command}', flush=True)
        argv = command if isinstance(command, list) else ['bash', '-eo', 'pipefail', '-c', command]
        if self.user != 'root':
            argv = ['setpriv', '--reuid', self.user, '--regid', self.user, '--init-groups'] + argv
        argv = ['chroot', self.root, 'setpriv', '--bounding-set', CAPABILITIES, '--no-new-privs',
                'env', '-C', self.directory] + argv
        done = subprocess.run(argv, env=dict(self.environment, **more), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, check=False)
        print(done.stdout, end='', flush=True)
        if done.returncode:
            sys.exit(f'FAILED: {self.name}: status {done.returncode}')
        return done.stdout


def same(said, what):
    if said != 'hello, other side\n':
        sys.exit(f'FAILED: {what}: the program said {said!r}')


def github(jobs, program, where, source):
    import yaml
    job = yaml.safe_load(block(jobs, 'yaml', 'runs-on'))['jobs']['grants']
    assert job['runs-on'] == 'ubuntu-latest'
    container = Container('github', where, source)
    said = None
    for step in job['steps']:
        if step.get('uses', '').startswith('actions/checkout@'):
            container.checkout('/root/work', program)
        elif 'uses' in step:
            use_action(step['uses'], container, source)
        else:
            said = container.run(step['run'])
    same(said, 'GitHub')


def use_action(name, container, source):
    """An action of this repository's, where the runner would have it."""
    import yaml
    folder = re.fullmatch(r'OWNER/gntsim/(.*)@main', name)[1]
    action = yaml.safe_load(read(f'{source}/{folder}/action.yml'))
    assert action['runs']['using'] == 'composite'
    container.run('git clone --quiet --depth 1 file:///source /root/action')
    for step in action['runs']['steps']:
        assert step['shell'] == 'bash'
        given = {name: re.sub(r'\$\{\{ inputs\.(\w+) \}\}', lambda i: action['inputs'][i[1]]['default'], value)
                 for name, value in step.get('env', {}).items()}
        container.run(step['run'], GITHUB_ACTION_PATH=f'/root/action/{folder}', **given)


def gitlab(jobs, program, where, source):
    import yaml
    page = yaml.safe_load(block(jobs, 'yaml', 'extends'))
    assert page['include'][0]['project'] == 'OWNER/gntsim'
    template = yaml.safe_load(read(f'{source}/{page["include"][0]["file"]}'))
    job = dict(template[page['grants']['extends']], **page['grants'])
    assert job['image'] == 'debian:12'
    container = Container('gitlab', where, source)
    container.environment['GNTSIM_URL'] = 'file:///source'
    container.checkout('/root/builds', program)
    said = None
    for command in job['before_script'] + job['script']:
        said = container.run(command)
    same(said, 'GitLab')


def dockerfile(jobs, program, where, source):
    stages, container = {}, None
    for line in block(jobs, 'dockerfile', 'FROM').splitlines():
        word, _, rest = line.partition(' ')
        if word == 'FROM':
            image, _, name = rest.partition(' AS ')
            assert image == 'debian:12'
            container = stages[name] = Container('docker-' + (name or 'last'), where, source)
        elif word == 'ARG':
            container.environment[rest] = 'file:///source'
        elif word == 'RUN':
            container.run(rest)
        elif word == 'COPY':
            found = re.fullmatch(r'--from=(\w+) (\S+) (\S+)', rest)
            subprocess.run(['cp', '-a', stages[found[1]].root + found[2] + '/.',
                            container.root + found[3]], check=True)
        elif word == 'USER':
            container.user = rest
        elif word == 'WORKDIR':
            container.checkout(rest, program)
            os.chmod(container.root + rest, 0o777)
        elif word == 'CMD':
            container.run('make')
            same(container.run(json.loads(rest)), 'Docker')
            return
        elif word:
            sys.exit(f'FAILED: Dockerfile: {line}')
    sys.exit('FAILED: the Dockerfile has no CMD')


def read(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def inside(source):
    jobs = read(source + '/docs/ci.md')
    where = tempfile.mkdtemp()
    try:
        Container.mount('-t', 'tmpfs', 'tmpfs', where)
        program = block(read(source + '/docs/libraries.md'), 'c', '#include <gnttab/')
        for job in github, gitlab, dockerfile:
            job(jobs, program, where, source)
    finally:
        subprocess.run(['umount', '-R', '-l', where], check=False)
        shutil.rmtree(where, ignore_errors=True)
    print('the jobs and the image work')


def main():
    if sys.argv[1] == '--inside':
        inside(os.path.realpath(sys.argv[2]))
        return
    if os.getuid():
        skip('this takes root, to be nobody in a container')
    if subprocess.run(['git', '-C', sys.argv[1], 'rev-parse', 'HEAD'], capture_output=True,
                      check=False).returncode:
        skip('no git checkout to clone')
    if subprocess.run(['unshare', '--mount', 'true'], capture_output=True, check=False).returncode:
        skip('this host grants no mount namespace, or is a chroot')
    os.execvp('unshare', ['unshare', '--mount', '--pid', '--fork', '--mount-proc', sys.executable,
                          os.path.realpath(sys.argv[0]), '--inside', *sys.argv[1:]])


main()
