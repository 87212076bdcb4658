<?xml version="1.0" encoding="UTF-8"?>
<!-- Puts the library's manifest into the app's, as Gradle's Android plugin does. -->
<xsl:stylesheet version="1.0" xmlns:android="http://schemas.android.com/apk/res/android"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
    <xsl:param name="library" />
    <xsl:variable name="other" select="document($library)/manifest" />

    <xsl:template match="@*|node()">
        <xsl:copy>
            <xsl:apply-templates select="@*|node()" />
        </xsl:copy>
    </xsl:template>

    <xsl:template match="/manifest/application">
        <xsl:copy-of select="$other/uses-permission | $other/queries" />
        <xsl:copy>
            <xsl:attribute name="android:extractNativeLibs">false</xsl:attribute>
            <xsl:apply-templates select="@*|node()" />
            <xsl:copy-of select="$other/application/*" />
        </xsl:copy>
    </xsl:template>
</xsl:stylesheet>
