/* SPDX-License-Identifier: MIT */
/* The table of commands. docs/commands.md says the same at length. */
#include <stddef.h>
#include <string.h>

#include "cli/commands.h"

#define JSON "  --json           one JSON object on stdout, also for a failure\n"

const struct command commands[] = {
	{ "help", PLACE_TARGET, cmd_help, "help [COMMAND]", "lists the commands, or explains one",
	  NULL },
	{ "status", PLACE_TARGET, cmd_status, "status [--json]",
	  "what the disk holds, what the next boot does, what to type", JSON },
	{ "plan", PLACE_TARGET, cmd_plan, "plan [--json]",
	  "disks, space, network and warnings; writes nothing", JSON },
	{ "receive", PLACE_TARGET, cmd_receive,
	  "receive tar [--update] [--delete-ok]\n"
	  "       rehost receive loader\n"
	  "       rehost receive sample",
	  "reads the source's root from stdin into the stage",
	  "  --update         bring a complete stage to the new stream\n"
	  "  --delete-ok      allow an update to remove more than 10 % of the stage\n"
	  "  loader           instead: the archive of the rescue and its loader, which 'switch'\n"
	  "                   plants; needed when the rescue was started without it\n"
	  "  sample           instead: nothing is kept; says how fast it came\n" },
	{ "authorize", PLACE_TARGET, cmd_authorize, "authorize [--remove]",
	  "takes a public key from stdin: it may log in until the next boot",
	  "  --remove         the key may not log in any more\n" },
	{ "rsync", PLACE_TARGET, cmd_rsync, "rsync [--delete-ok] --server ...",
	  "what rsync on the source starts here; into the stage, as often as wanted",
	  "  On the source: rsync -aHAXx --numeric-ids --delete -e ssh / root@TARGET:/\n"
	  "  --delete-ok      allow it to remove more than 10 % of the stage:\n"
	  "                   --rsync-path='rsync --delete-ok'\n" },
	{ "rewrite", PLACE_TARGET, cmd_rewrite,
	  "rewrite [--as move|copy] [--hostname source|target|NAME]\n"
	  "                      [--host-keys source|target|new] [--cloud-init off|pin|keep]\n"
	  "                      [--cluster hold|start] [--dry-run [--json]]",
	  "makes the copy fit this machine, in a layer over the stage",
	  "  --as INTENT      move (the source will stop; default) or copy (both live on)\n"
	  "  --hostname WHO   source, target or a name\n"
	  "  --host-keys WHO  SSH host keys of source, target, or new ones\n"
	  "  --cloud-init HOW off (default), pin (runs, and finds nothing to do) or keep\n"
	  "                   (looks for this provider's data; never sets network, name, keys)\n"
	  "  --cluster HOW    cluster daemons of the source: hold (wait for 'confirm') or start\n"
	  "  --dry-run        print the changes by reason, with a unified diff; write nothing\n"
	  "  --json           the same as one JSON object\n"
	  "  --root DIR       work on a plain folder instead of the target (offline; with\n"
	  "                   --dry-run also a disk image),\n"
	  "  --facts FILE     with this description of the target (JSON)\n"
	  "  --target-files DIR  and these files of its old system\n" },
	{ "check", PLACE_TARGET, cmd_check, "check [--look] [--json]",
	  "proves that the clone would boot; exit 1 and the reasons when not",
	  "  --look           only look: 'switch' does not count it\n" JSON },
	{ "switch", PLACE_TARGET, cmd_switch, "switch [--accept-firmware] [--without-loader]",
	  "exchanges old system and clone; finishes an exchange that was cut",
	  "  --accept-firmware where the UEFI firmware holds no boot entry for the old system;\n"
	  "                   'plan' says what a power cut means then\n"
	  "  --without-loader where the private loader cannot be planted: the boot sector is\n"
	  "                   written at once, there is no trial, and a power cut in these\n"
	  "                   seconds needs the rescue from outside\n" },
	{ "confirm", PLACE_TARGET, cmd_confirm, "confirm NONCE",
	  "in the running clone, from another machine: accepts it for good", NULL },
	{ "rollback", PLACE_TARGET, cmd_rollback, "rollback [--discard]",
	  "brings the old system back",
	  "  --discard        before the switch: remove the stage and the changes\n" },
	{ "release", PLACE_TARGET, cmd_release, "release [--unconfirmed]",
	  "deletes the old system after the clone was confirmed; no way back",
	  "  --unconfirmed    although nobody has confirmed the clone\n" },
	{ "identity", PLACE_TARGET, cmd_identity, "identity [--json]",
	  "what belongs to this machine: network, disks, names", JSON },
	{ "report", PLACE_TARGET, cmd_report, "report [--root DIR] [--json]",
	  "what was changed and why, what was found, what is left to you",
	  "  --root DIR       of a plain folder that 'rewrite --root' has changed\n" JSON },
	{ "log", PLACE_TARGET, cmd_log, "log [--follow] [--trial]", "prints the log",
	  "  --follow         wait for more until interrupted\n"
	  "  --trial          the log that the clone left when its trial ended\n" },
	{ "unlock", PLACE_TARGET, cmd_unlock, "unlock DEVICE",
	  "opens a LUKS device for looking; the passphrase comes on stdin",
	  "  DEVICE           as /dev/vda2 or UUID=...\n" },
	{ "reboot", PLACE_TARGET, cmd_reboot, "reboot [--host]",
	  "unmounts and reboots; after a switch this begins the trial",
	  "  --host           with 'serve --disk': reboot the system that runs there\n" },

	{ "inspect", PLACE_ANYWHERE, cmd_inspect,
	  "inspect [--root UUID] [--json] PATH\n"
	  "       rehost inspect --boot DISK [--efi-path P | --uefi] [--hash] [--json]",
	  "what a system is, in a folder, disk or image; what a disk would start",
	  "  PATH             the root folder of a system, a disk, or an image of one in a file\n"
	  "  --root UUID      of several systems on a disk the one on this file system\n" JSON
	  "  --boot DISK      follow the start as firmware and loaders do, no journal replayed\n"
	  "  --efi-path P     by UEFI, beginning with this path of the ESP\n"
	  "  --uefi           by UEFI, from the removable path\n"
	  "  --hash           SHA-256 of kernels and initramfs in the steps\n" },
	{ "explain", PLACE_ANYWHERE, cmd_explain, "explain [CODE]",
	  "what an error code means and what to do; all of them without CODE", NULL },
	{ "serve", PLACE_ANYWHERE, cmd_serve,
	  "serve [--disk DISK[,DISK]] [--listen PORT] [--bind ADDRESS]\n"
	  "                    [--authorized-keys FILE] [--observer-keys FILE]\n"
	  "                    [--run-dir DIR] [--allow-shell] [--grace SECONDS]",
	  "the SSH service (the rescue starts it by itself)",
	  "  --disk DISK             on a system that is not rehost's: the target disk, by\n"
	  "                          path, name or serial number; nobody may be using it\n"
	  "  --listen PORT           TCP port, IPv4 and IPv6 (22; with --disk 2222);\n"
	  "                          0 picks a free one\n"
	  "  --bind ADDRESS          listen on one address only\n"
	  "  --authorized-keys FILE  public keys that may log in\n"
	  "  --observer-keys FILE    public keys that may look, not write\n"
	  "  --run-dir DIR           instead of /run/rehost\n"
	  "  --allow-shell           permit the command 'shell'\n"
	  "  --grace SECONDS         time to log in (120)\n" },

	{ "send", PLACE_ANYWHERE, cmd_send,
	  "send tree [--root DIR] [--mount DIR]... [--exclude PATTERN]...\n"
	  "                 [--exclude-from FILE]",
	  "on the source: all its files on stdout, for 'ssh root@TARGET receive tar'",
	  "  --root DIR       instead of /\n"
	  "  --mount DIR      another file system that goes along, as /home; others do not\n"
	  "  --exclude PATTERN  paths that are not sent, and what is below: /var/cache/*\n"
	  "  --exclude-from FILE  such patterns, a line each\n" },
	{ "rescue", PLACE_ANYWHERE, cmd_rescue,
	  "rescue --here [--image DIR] [--key FILE]... [--ip WORDS]... [--option K=V]...\n"
	  "                     [--reboot | --dry-run] [--json]\n"
	  "       rehost rescue --cancel [--json]",
	  "on the target, in its running system: the next start is the rescue, once",
	  "  --here           plants the rescue in /boot, with an entry that GRUB uses once\n"
	  "  --cancel         takes it back\n"
	  "  --image DIR      vmlinuz and initrd-full (or initrd); without it where this\n"
	  "                   program lies\n"
	  "  --key FILE       public SSH keys that may log in there, beside root's own and\n"
	  "                   those of the user of sudo\n"
	  "  --ip WORDS       the network, instead of what runs here now (docs/rescue.md)\n"
	  "  --option K=V     an option, as rehost.K=V on the command line\n"
	  "  --reboot         restart at once\n"
	  "  --dry-run        look and tell; write nothing\n" JSON },
	{ "rescue-image", PLACE_ANYWHERE, cmd_rescue_image,
	  "rescue-image customize IMAGE [--key FILE]... [--observer-key FILE]...\n"
	  "                    [--option K=V]... [--ip WORDS]... [--cmdline WORDS]...\n"
	  "                    [--host-key FILE]... [--output OUT] [--show] [--dry-run] [--clear]",
	  "puts SSH keys, network and options into a built rescue image",
	  "  --key FILE       public SSH keys that may log in\n"
	  "  --observer-key FILE  public SSH keys that may look, not write\n"
	  "  --option K=V     an option, as rehost.K=V on the command line\n"
	  "  --ip WORDS       the network: dhcp, ADDRESS::GATEWAY:NETMASK::LINK:none, "
	  "nameserver=IP\n"
	  "  --cmdline WORDS  further words for the rescue (the kernel itself does not read them)\n"
	  "  --host-key FILE  the rescue's SSH host key, an OpenSSH private key\n"
	  "  --output OUT     write there instead of over IMAGE\n"
	  "  --show           print what is in it, change nothing\n"
	  "  --dry-run        print what would be put in, change nothing\n"
	  "  --clear          take everything out again\n"
	  "                   What was put in before is replaced as a whole.\n" },

	{ "image-area", PLACE_INTERNAL, cmd_image_area, "image-area FILE",
	  "writes an empty embed area, for building images", NULL },
	{ "shell", PLACE_INTERNAL, cmd_shell, "shell", "an interactive shell, when permitted",
	  NULL },
	{ "no-command", PLACE_INTERNAL, cmd_no_command, "no-command",
	  "answers a login that names no command", NULL },
	{ "recover", PLACE_INTERNAL, cmd_recover, "recover [--medium | --entered]",
	  "what a rescue does by itself that the private loader started",
	  "  --medium         it was started from an ISO or disk image, which is still "
	  "attached\n"
	  "  --entered        the running system has sent its machine here\n" },
	{ "storage", PLACE_INTERNAL, cmd_storage, "storage",
	  "in the rescue, once: assembles arrays and volume groups", NULL },
	{ "guard", PLACE_INTERNAL, cmd_guard, "guard",
	  "in the clone on trial: back to the rescue unless confirmed", NULL },
	{ "init", PLACE_INTERNAL, cmd_init, "init", "process 1 of the rescue", NULL },
	{ "modprobe", PLACE_INTERNAL, cmd_modprobe, "modprobe [-q] MODULE...",
	  "loads kernel modules in the rescue", NULL },
	{ 0 },
};

const struct command *command_find(const char *name)
{
	const struct command *c;

	for (c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}
