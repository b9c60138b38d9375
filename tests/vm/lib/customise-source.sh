# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC1091
# The source: a small busy server with every kind of file a transfer must carry.
set -eu
. /.install/customise-common.sh

identity web01
cp /.install/source /root/.ssh/id_ed25519
chmod 0600 /root/.ssh/id_ed25519
cp /.install/source.pub /root/.ssh/id_ed25519.pub
network 10.77.1.1 <<'END'
# the office's uplink
auto ens3
iface ens3 inet static
	address 10.77.1.10/24
	gateway 10.77.1.1
END
printf 'web01: the source\n' >/etc/motd
quiet_timers

# people
useradd -m -s /bin/bash alice
useradd -m -s /bin/bash -G www-data bob
printf 'alice:correct horse\nbob:battery staple\n' | chpasswd
mkdir -m 0700 /home/alice/.ssh
cp /.install/operator.pub /home/alice/.ssh/authorized_keys
chown -R alice:alice /home/alice/.ssh
echo "alice's notes" >/home/alice/notes.txt
chown alice:alice /home/alice/notes.txt

# web server
cat >/etc/nginx/sites-available/default <<'END'
server {
	listen 80 default_server;
	root /srv/www;
	location / { try_files $uri $uri/ =404; }
}
END
mkdir -p /srv/www
echo 'the shop is open' >/srv/www/index.html
head -c 3000000 /dev/urandom >/srv/www/catalogue.bin
chown -R www-data:www-data /srv/www

# database: data that must survive
sed -i 's/^# *save .*//; s/^save .*//' /etc/redis/redis.conf
printf '\nsave 900 1\nappendonly no\n' >>/etc/redis/redis.conf
redis-server --port 0 --unixsocket /tmp/r.sock --dir /var/lib/redis --dbfilename dump.rdb --save '' --daemonize yes \
	--pidfile /tmp/r.pid >/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do
	redis-cli -s /tmp/r.sock ping >/dev/null 2>&1 && break
	sleep 0.3
done
redis-cli -s /tmp/r.sock set shop:name 'corner shop' >/dev/null
redis-cli -s /tmp/r.sock rpush shop:orders 17 42 99 >/dev/null
redis-cli -s /tmp/r.sock save >/dev/null
redis-cli -s /tmp/r.sock shutdown nosave >/dev/null 2>&1 || :
chown redis:redis /var/lib/redis/dump.rdb
rm -f /tmp/r.sock /tmp/r.pid

# cron
printf '* * * * * root date +\\%%s >/run/heartbeat\n' >/etc/cron.d/heartbeat

# files of every kind
mkdir /srv/files
cd /srv/files
cp /bin/true capable
setcap cap_net_raw,cap_net_admin+ep capable
printf 'shared\n' >acl-named
setfacl -m u:alice:rw,g:www-data:r,m::rw acl-named
mkdir acl-default
setfacl -m u:bob:rwx -d -m u:bob:rwx,g:www-data:rx,o::- acl-default
printf x >acl-default/inherits
printf 'attributes\n' >attributes
setfattr -n user.origin -v 'the old server' attributes
setfattr -n user.binary -v 0x00ff0001 attributes
setfattr -n trusted.overlay.note -v 'kept' attributes
mkdir attributes.d
setfattr -n user.on.directory -v yes attributes.d
printf 'linked\n' >link-a
ln link-a link-b
mkdir sub
ln link-a sub/link-c
ln -s ../nowhere/at\ all dangling
ln -s link-a symlink
truncate -s 60M sparse
printf 'start' | dd of=sparse conv=notrunc status=none
printf 'middle' | dd of=sparse bs=1M seek=30 conv=notrunc status=none
mkdir odd
: >'odd/ leading and trailing '
: >"odd/new
line"
: >"$(printf 'odd/latin1-\351t\351')"
: >'odd/-rf'
: >'odd/back\slash'
: >'odd/*?[a]'
: >"odd/$(printf '%0250d' 7)"
deep=odd
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	deep=$deep/a-folder-with-a-name-of-some-length-$i
done
mkdir -p "$deep"
printf deep >"$deep/file"
mkfifo fifo
mknod null0 c 1 3
mknod blk b 7 99
printf old >time-old
touch -d '1975-03-04 05:06:07.123456789' time-old
printf new >time-future
touch -d '2039-12-31 23:59:59.987654321' time-future
printf suid >suid
chmod 4751 suid
mkdir setgid sticky
chgrp www-data setgid
chmod 2775 setgid
chmod 1777 sticky
printf 'owner without a name' >owner
chown 54321:12345 owner
: >empty
cd /

boot ""
