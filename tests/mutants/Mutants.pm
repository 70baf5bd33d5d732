# Mutants - the faults in *.mutants, and how one is planted in a source. A paragraph each:
#
#   name      what is wrong then
#   file      in which file of src/
#   old       text that stands there exactly once, however it is indented and broken; more `old`s: further lines of it
#   new       what stands there instead, likewise
#   scenario  the scenario of ../schedules that must find it: the build makes a program of its own, schedules_SLUG
#   control   the same of another test that has a program made of it; it passes when it finds the fault
#   by        tests that find it, in the order they are tried: a name of ctest's, and behind a colon which of its cases
#   preset    the build that these run in (release)
#
# `old` and `new` once more behind a `new`: a second change that belongs to it.
package Mutants;
use strict;
use warnings;
use File::Basename qw(dirname);

sub slurp { my ($path) = @_; open my $in, '<', $path or die "$path: $!\n"; local $/; return scalar <$in> }

sub spew {
    my ($path, $text) = @_;
    open my $out, '>', $path or die "$path: $!\n";
    print $out $text;
    close $out or die "$path: $!\n";
}

# What a program or a file made of the mutant is called: its name in letters, digits and hyphens.
sub slug { my ($name) = @_; $name =~ s/[^A-Za-z0-9]+/-/g; return $name }

sub read_file {
    my ($path) = @_;
    my @mutants;
    for my $paragraph (split /\n{2,}/, slurp($path)) {
        my %mutant = (preset => 'release', by => '', changes => []);
        my $last = '';
        for (split /\n/, $paragraph) {
            my ($key) = /^(name|file|old|new|scenario|control|by|preset)\b/ or die "$path: not understood: $_\n";
            my $value = length > 9 ? substr $_, 9 : '';
            if ($key eq 'old' && $last ne 'old') { push @{$mutant{changes}}, {old => $value} }
            elsif ($key eq 'old') { $mutant{changes}[-1]{old} .= "\n$value" }
            elsif ($key eq 'new') { $mutant{changes}[-1]{new} .= "$value\n" }
            else { $mutant{$key} = $value }
            $last = $key;
        }
        defined $mutant{$_} or die "$path: a mutant without '$_':\n$paragraph\n" for qw(name file);
        $mutant{slug} = slug($mutant{name});
        $mutant{control} //= "schedules_$mutant{slug}" if $mutant{scenario};
        push @mutants, \%mutant;
    }
    return @mutants;
}

# All of them; no two of the same name.
sub all {
    my @mutants = map { read_file($_) } sort glob(dirname(__FILE__) . '/*.mutants');
    my %seen;
    $seen{$_->{slug}}++ and die "two mutants are called '$_->{name}'\n" for @mutants;
    return @mutants;
}

# The text with the fault in it; dies where that does not fit in exactly one place: then the source has changed, and the
# fault must be written anew.
sub planted {
    my ($mutant, $text) = @_;
    for my $change (@{$mutant->{changes}}) {
        my $pattern = join '\s+', map { quotemeta } split ' ', $change->{old};
        my $places = () = $text =~ /$pattern/g;
        $places == 1 or die "'$mutant->{name}': its text stands $places times in src/$mutant->{file}:\n$change->{old}\n";
        $text =~ s/$pattern/$change->{new} =~ s{\n$}{}r/e;
    }
    return $text;
}

1;
